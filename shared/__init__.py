"""What two services or more stand on. Knows no business rule of any of them."""
