package zonefile

import "io"

// Unpack answers what gzip or xz packed, by its first octets, or the input as
// it is. What comes out is not bounded: that is the caller's to do.
func Unpack(in io.Reader) (io.Reader, error) { return decompress(in) }
