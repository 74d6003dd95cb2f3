"""`./aftersale COMMAND`, or `python -m deploy COMMAND`."""

from deploy.cli.commands import main

if __name__ == "__main__":
    main()
