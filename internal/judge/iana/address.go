package iana

import (
	"fmt"
	"net/netip"
	"sync"
)

// Block is a block of addresses of special purpose (RFC 6890 section 2.2.1).
// What the registry leaves open (N/A, or nothing for a withdrawn block) reads
// as false.
type Block struct {
	Prefix             netip.Prefix
	Name               string
	Reference          string
	Destination        bool // an address of it may be a packet's destination
	Forwardable        bool // routers may forward to it
	GloballyReachable  bool // it may be reached from beyond an administrative domain
	ReservedByProtocol bool
}

// SpecialIPv4 is the registry of special-purpose IPv4 addresses.
var SpecialIPv4 = sync.OnceValue(func() Registry[Block] {
	return must(read("special-ipv4.csv", 10, readBlock))
})

// SpecialIPv6 is the registry of special-purpose IPv6 addresses.
var SpecialIPv6 = sync.OnceValue(func() Registry[Block] {
	return must(read("special-ipv6.csv", 10, readBlock))
})

func readBlock(f []string) (Block, error) {
	prefix, err := netip.ParsePrefix(f[0])
	if err != nil {
		return Block{}, err
	}
	block := Block{Prefix: prefix, Name: f[1], Reference: f[2]}
	for i, to := range []*bool{&block.Destination, &block.Forwardable, &block.GloballyReachable, &block.ReservedByProtocol} {
		switch text := f[6+i]; text {
		case "True":
			*to = true
		case "False", "N/A", "":
		default:
			return Block{}, fmt.Errorf("%q is neither True nor False", text)
		}
	}
	return block, nil
}

// SpecialOf finds the most specific special-purpose block that an address
// lies in; false where it is an ordinary address.
func SpecialOf(address netip.Addr) (Block, bool) {
	registry := SpecialIPv6()
	if address.Is4() {
		registry = SpecialIPv4()
	}
	var best Block
	found := false
	for _, b := range registry.Entries {
		if b.Prefix.Contains(address) && (!found || b.Prefix.Bits() > best.Prefix.Bits()) {
			best, found = b, true
		}
	}
	return best, found
}
