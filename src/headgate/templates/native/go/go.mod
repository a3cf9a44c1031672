module skeleton-name

go 1.21
