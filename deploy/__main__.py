"""`./aftersale COMMAND`, or `python -m deploy COMMAND`."""

from deploy.commands import main

if __name__ == "__main__":
    main()
