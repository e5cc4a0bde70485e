// Package source holds what the rooms that bring things in share: a zone as
// somebody published it, and the way to the network that app hands them.
//
// Its rooms (zonefile, roster, registry, anchor) fetch what others publish.
// They send no probe, judge nothing and remember nothing; every read is bounded
// in size and in time, since all of it is written by strangers.
package source

import (
	"context"
	"net"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// DialContext opens a connection. (*net.Dialer).DialContext is one, the lab's
// dialer another.
type DialContext func(ctx context.Context, network, address string) (net.Conn, error)

// Zone is a whole zone as one source published it, unverified.
type Zone struct {
	Name holdfast.Name
	SOA  wire.SOA
	// Records are all of the zone's, the SOA once.
	Records []wire.Record
	// From names the source for people: a file, a URL, a server.
	From    string
	Fetched time.Time
}

// Fetcher is one place that a whole zone can be had from.
type Fetcher interface {
	// Fetch brings in the zone as it is now. Its errors name the place.
	Fetch(ctx context.Context) (Zone, error)
	// String names the place for people.
	String() string
}
