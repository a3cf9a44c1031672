module headgate.example/auth

go 1.21
