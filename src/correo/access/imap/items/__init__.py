"""What FETCH, SEARCH and STATUS can be asked for: tables of rows, one for each item."""
