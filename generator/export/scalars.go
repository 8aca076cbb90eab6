package export

import "github.com/ipcio/ipcio-go/schema"

// integers holds the ends of what travels as an integer.
var integers = map[schema.Scalar]struct{ min, max string }{
	schema.Int8:     {"-128", "127"},
	schema.Int16:    {"-32768", "32767"},
	schema.Int32:    {"-2147483648", "2147483647"},
	schema.Int64:    {"-9223372036854775808", "9223372036854775807"},
	schema.Uint8:    {"0", "255"},
	schema.Uint16:   {"0", "65535"},
	schema.Uint32:   {"0", "4294967295"},
	schema.Uint64:   {"0", "18446744073709551615"},
	schema.Duration: {"-9223372036854775808", "9223372036854775807"}, // nanoseconds
}
