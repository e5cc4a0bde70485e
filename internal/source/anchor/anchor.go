// Package anchor brings in where trust and the walk begin: the root's trust
// anchors and its hints, the ones that the program carries or those of a file.
package anchor

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Taken is the date of the embedded files.
var Taken = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

//go:embed root.anchors
var embeddedAnchors []byte

//go:embed root.hints
var embeddedHints []byte

// maxFile bounds a trust anchor or hints file; the real ones have under 8 kB.
const maxFile = 1 << 20

// Embedded are IANA's trust anchors as of Taken, as DS records of the root.
func Embedded() []wire.Record {
	anchors, err := Read(bytes.NewReader(embeddedAnchors), "embedded root.anchors", Taken)
	if err != nil {
		panic(err) // a build with a broken file must not pass its tests
	}
	return anchors
}

// EmbeddedHints are the root's servers as of Taken.
func EmbeddedHints() []holdfast.Server {
	hints, err := ReadHints(bytes.NewReader(embeddedHints), "embedded root.hints")
	if err != nil {
		panic(err)
	}
	return hints
}

// Read reads trust anchors in any form: DS or DNSKEY records one a line, as
// Unbound's auto-trust-anchor-file, root.key and root.ds have them, IANA's
// root-anchors.xml (RFC 9718), and those of other resolvers. It takes the keys
// that the file trusts, and those of them that are valid at the instant. file
// names the input in errors. No anchor at all is an error: a validator that
// trusts nothing calls everything insecure.
func Read(in io.Reader, file string, at time.Time) ([]wire.Record, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read trust anchors %s: %w", file, err)
	}
	form := Detect(file, text)
	switch {
	case form == "" && bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")):
		form = FormXML
	case form == "":
		form = FormRecords
	}
	read, err := Parse(form, file, text)
	if err != nil {
		return nil, err
	}
	var anchors []wire.Record
	for _, point := range read.Points {
		for _, key := range point.Keys {
			if !Trusts(key, at) {
				continue
			}
			record, err := recordFor(form, point.Zone, key)
			if err != nil {
				return nil, fmt.Errorf("read trust anchors %s: %w", key.Place, err)
			}
			anchors = append(anchors, record)
		}
	}
	if len(anchors) == 0 {
		return nil, fmt.Errorf("read trust anchors %s: there is no DS or DNSKEY record in it that is valid at %s", file, at.Format(time.RFC3339))
	}
	return anchors, nil
}

// recordFor is an anchor as a record; IANA's file gives digests, and the keys
// only beside them.
func recordFor(form Form, zone holdfast.Name, key holdfast.TrustedKey) (wire.Record, error) {
	if form == FormXML {
		return wire.NewDS(zone, 172800, *key.DS), nil
	}
	return RecordOf(zone, key, 172800)
}

// Trusts says whether a key is trusted at an instant: its state validates, it
// does not bear REVOKE, and the instant lies within what its publisher bounds
// it by (RFC 9718 section 2).
func Trusts(key holdfast.TrustedKey, at time.Time) bool {
	return key.State.Trusted() && key.Flags&wire.FlagRevoke == 0 && !at.Before(key.From) && (key.Until.IsZero() || at.Before(key.Until))
}

// ReadHints reads root hints in the form of IANA's named.root: NS records of
// the root and the addresses of their targets.
func ReadHints(in io.Reader, file string) ([]holdfast.Server, error) {
	var servers []holdfast.Server
	targets := map[holdfast.Name]bool{}
	err := wire.ReadZone(io.LimitReader(in, maxFile), holdfast.Root, file, func(r wire.Record) error {
		switch r.Type {
		case wire.TypeNS:
			target, err := r.Target()
			if err != nil {
				return err
			}
			targets[target] = true
		case wire.TypeA, wire.TypeAAAA:
			addr, err := r.Address()
			if err != nil {
				return err
			}
			servers = append(servers, holdfast.Server{Name: r.Name, Address: addr})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read root hints %s: %w", file, err)
	}
	for _, s := range servers {
		if !targets[s.Name] {
			return nil, fmt.Errorf("read root hints %s: %s has an address but is not a server of the root", file, s.Name)
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("read root hints %s: %w", file, errNoServer)
	}
	return servers, nil
}

var errNoServer = errors.New("there is no address of a root server in it")
