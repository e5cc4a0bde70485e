// Package anchor brings in where trust and the walk begin: the root's trust
// anchors and its hints, the ones that the program carries or those of a file.
package anchor

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
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

// Read reads trust anchors: DS or DNSKEY records one a line, as Unbound's
// auto-trust-anchor-file, root.key and root.ds have them, or IANA's
// root-anchors.xml (RFC 9718), of which the keys valid at the instant are
// taken. file names the input in errors. No anchor at all is an error: a
// validator that trusts nothing calls everything insecure.
func Read(in io.Reader, file string, at time.Time) ([]wire.Record, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read trust anchors %s: %w", file, err)
	}
	var anchors []wire.Record
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) {
		anchors, err = readXML(text, at)
	} else {
		anchors, err = readRecords(text, file)
	}
	if err != nil {
		return nil, fmt.Errorf("read trust anchors %s: %w", file, err)
	}
	if len(anchors) == 0 {
		return nil, fmt.Errorf("read trust anchors %s: there is no DS or DNSKEY record in it that is valid at %s", file, at.Format(time.RFC3339))
	}
	return anchors, nil
}

func readRecords(text []byte, file string) ([]wire.Record, error) {
	var anchors []wire.Record
	err := wire.ReadZone(bytes.NewReader(text), holdfast.Root, file, func(r wire.Record) error {
		switch r.Type {
		case wire.TypeDS:
			anchors = append(anchors, r)
			return nil
		case wire.TypeDNSKEY:
			key, err := r.DNSKEY()
			if err == nil && key.Flags&wire.FlagRevoke == 0 {
				anchors = append(anchors, r)
			}
			return err
		}
		return fmt.Errorf("%s record of %s is not a trust anchor; want DS or DNSKEY", r.Type, r.Name)
	})
	return anchors, err
}

// trustAnchor is IANA's publication (RFC 9718 section 2.1); a missing
// validUntil means that no end is planned.
type trustAnchor struct {
	Zone string `xml:"Zone"`
	Keys []struct {
		ValidFrom  string `xml:"validFrom,attr"`
		ValidUntil string `xml:"validUntil,attr"`
		KeyTag     uint16 `xml:"KeyTag"`
		Algorithm  uint8  `xml:"Algorithm"`
		DigestType uint8  `xml:"DigestType"`
		Digest     string `xml:"Digest"`
	} `xml:"KeyDigest"`
}

func readXML(text []byte, at time.Time) ([]wire.Record, error) {
	var document trustAnchor
	if err := xml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	zone, err := holdfast.ParseName(strings.TrimSpace(document.Zone))
	if err != nil {
		return nil, fmt.Errorf("element Zone: %w", err)
	}
	var anchors []wire.Record
	for _, key := range document.Keys {
		valid, err := validAt(key.ValidFrom, key.ValidUntil, at)
		if err != nil {
			return nil, fmt.Errorf("KeyDigest %d: %w", key.KeyTag, err)
		}
		if !valid {
			continue
		}
		digest, err := hex.DecodeString(strings.TrimSpace(key.Digest))
		if err != nil {
			return nil, fmt.Errorf("KeyDigest %d: Digest: %w", key.KeyTag, err)
		}
		anchors = append(anchors, wire.NewDS(zone, 172800, holdfast.DS{
			KeyTag: key.KeyTag, Algorithm: key.Algorithm, DigestType: key.DigestType, Digest: digest,
		}))
	}
	return anchors, nil
}

func validAt(from, until string, at time.Time) (bool, error) {
	start, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return false, fmt.Errorf("validFrom: %w", err)
	}
	if until == "" {
		return !at.Before(start), nil
	}
	end, err := time.Parse(time.RFC3339, until)
	if err != nil {
		return false, fmt.Errorf("validUntil: %w", err)
	}
	return !at.Before(start) && at.Before(end), nil
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
