module headgate.test/demo

go 1.21
