"""Everything that puts the services together: real servers, what they need in them, and the `aftersale` command line."""
