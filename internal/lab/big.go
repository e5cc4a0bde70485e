package lab

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Big is a large zone of the shape of a top-level domain's: delegations with
// two servers each, of which a tenth is secured, some with glue.
type Big struct {
	Zone        holdfast.Name
	Delegations int
	// Denial is "nsec", "nsec3" or "opt-out".
	Denial string
	// At is the instant about which the signatures are valid: from a day before
	// to 30 days after, those of every hundredth secured delegation a day less.
	At      time.Time
	Workers int
}

// bigBatch is how many delegations are signed at a time.
const bigBatch = 4096

// bigZone is one Big at work.
type bigZone struct {
	Big
	ksk, zsk *wire.Key
	names    []bigHash // for NSEC3
	out      *bufio.Writer
}

// bigHash is a hashed name that has an NSEC3 record.
type bigHash struct {
	hash    [20]byte
	secured int8 // 0: unsecured, 1: secured, 2: the apex
}

// Write writes the signed zone as a master file with one record on a line: the
// apex, the delegations in canonical order, and the NSEC3 records in order of
// their hashes. It answers the zone's trust anchor.
func (b Big) Write(ctx context.Context, out io.Writer) (wire.Record, error) {
	z := &bigZone{Big: b, out: bufio.NewWriterSize(out, 1<<20)}
	if !slices.Contains([]string{"nsec", "nsec3", "opt-out"}, b.Denial) {
		return wire.Record{}, fmt.Errorf("denial %q: want nsec, nsec3 or opt-out", b.Denial)
	}
	var err error
	if z.ksk, err = wire.GenerateKey(wire.ECDSAP256SHA256, wire.FlagZone|wire.FlagSEP, 0, rand.Reader); err != nil {
		return wire.Record{}, err
	}
	if z.zsk, err = wire.GenerateKey(wire.ECDSAP256SHA256, wire.FlagZone, 0, rand.Reader); err != nil {
		return wire.Record{}, err
	}
	ds, err := z.ksk.DNSKEY.Digest(z.Zone, 2)
	if err != nil {
		return wire.Record{}, err
	}
	if err := z.apex(); err != nil {
		return wire.Record{}, err
	}
	batches := (b.Delegations + bigBatch - 1) / bigBatch
	if err := z.inOrder(ctx, batches, z.delegations); err != nil {
		return wire.Record{}, err
	}
	if z.Denial != "nsec" {
		slices.SortFunc(z.names, func(a, b bigHash) int { return slices.Compare(a.hash[:], b.hash[:]) })
		if err := z.inOrder(ctx, (len(z.names)+bigBatch-1)/bigBatch, z.nsec3s); err != nil {
			return wire.Record{}, err
		}
	}
	return wire.NewDS(z.Zone, 3600, ds), z.out.Flush()
}

// inOrder makes the text of batches on all processors and writes it in order.
func (z *bigZone) inOrder(ctx context.Context, batches int, text func(batch int) ([]byte, []bigHash, error)) error {
	type made struct {
		text  []byte
		names []bigHash
		err   error
	}
	results := make([]chan made, batches)
	for i := range results {
		results[i] = make(chan made, 1)
	}
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	turns := make(chan int, 2*z.Workers) // how far ahead of the writer workers may be
	workers.Go(func() {
		defer close(turns)
		for i := range batches {
			select {
			case turns <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	for range max(z.Workers, 1) {
		workers.Go(func() {
			for i := range turns {
				text, names, err := text(i)
				results[i] <- made{text, names, err}
			}
		})
	}
	for _, result := range results {
		select {
		case r := <-result:
			if r.err != nil {
				return r.err
			}
			// Batches that bring no names may be reading those there are.
			if len(r.names) > 0 {
				z.names = append(z.names, r.names...)
			}
			if _, err := z.out.Write(r.text); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// apex writes the zone's own records.
func (z *bigZone) apex() error {
	server := "ns1.nic." + z.Zone
	soa, err := wire.NewSOA(z.Zone, 900, wire.SOA{MName: server, RName: "host." + z.Zone, Serial: uint32(z.At.Unix()), Refresh: 1800, Retry: 900, Expire: 604800, NegativeMinTTL: 900})
	if err != nil {
		return err
	}
	ns, err := wire.NewTarget(z.Zone, wire.TypeNS, 86400, server)
	if err != nil {
		return err
	}
	sets := [][]wire.Record{{soa}, {ns}, {wire.NewDNSKEY(z.Zone, 3600, z.ksk.DNSKEY), wire.NewDNSKEY(z.Zone, 3600, z.zsk.DNSKEY)}}
	types := []wire.Type{wire.TypeNS, wire.TypeSOA, wire.TypeRRSIG, wire.TypeDNSKEY}
	if z.Denial == "nsec" {
		nsec, err := wire.NewNSEC(z.Zone, 900, wire.NSEC{Next: z.name(0), Types: append(types, wire.TypeNSEC)})
		if err != nil {
			return err
		}
		sets = append(sets, []wire.Record{nsec})
	} else {
		sets = append(sets, []wire.Record{wire.NewNSEC3PARAM(z.Zone, 0, wire.NSEC3PARAM{Hash: 1})})
		z.names = append(z.names, z.hashed(z.Zone, 2))
	}
	for _, set := range sets {
		key := z.zsk
		if set[0].Type == wire.TypeDNSKEY {
			key = z.ksk
		}
		sig, err := key.Sign(set, z.Zone, z.At.Add(-24*time.Hour), z.At.Add(30*24*time.Hour), rand.Reader)
		if err != nil {
			return err
		}
		for _, r := range append(set, sig) {
			fmt.Fprintln(z.out, r)
		}
	}
	return nil
}

// name is that of a delegation; they are in canonical order, the last one
// "nic", which holds the zone's own server.
func (z *bigZone) name(i int) holdfast.Name {
	if i == z.Delegations-1 {
		return "nic." + z.Zone
	}
	return holdfast.Name(fmt.Sprintf("d%09d.", i)) + z.Zone
}

func (z *bigZone) hashed(name holdfast.Name, secured int8) bigHash {
	hash, err := wire.HashName(name, 0, nil)
	if err != nil {
		return bigHash{} // the names are ours and can be packed
	}
	return bigHash{[20]byte(hash), secured}
}

// delegations writes one batch of delegations.
func (z *bigZone) delegations(batch int) ([]byte, []bigHash, error) {
	var out []byte
	var names []bigHash
	for i := batch * bigBatch; i < min((batch+1)*bigBatch, z.Delegations); i++ {
		name := z.name(i)
		secured := i%10 == 3
		out = z.servers(out, name, i)
		var err error
		if secured {
			digest := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i))
			ds := wire.NewDS(name, 3600, holdfast.DS{KeyTag: uint16(i), Algorithm: wire.ECDSAP256SHA256, DigestType: 2, Digest: digest})
			out = fmt.Appendf(out, "%s\t3600\tIN\tDS\t%d 13 2 %s\n", name, uint16(i), strings.ToUpper(hex.EncodeToString(digest)))
			if out, err = z.sign(out, ds, i); err != nil {
				return nil, nil, err
			}
		}
		switch {
		case z.Denial == "nsec":
			if out, err = z.nsec(out, name, i, secured); err != nil {
				return nil, nil, err
			}
		case secured:
			names = append(names, z.hashed(name, 1))
		case z.Denial == "nsec3":
			names = append(names, z.hashed(name, 0))
		}
	}
	return out, names, nil
}

// servers writes a delegation's NS records, and glue for every fifth, which
// has servers of its own.
func (z *bigZone) servers(out []byte, name holdfast.Name, i int) []byte {
	if i%5 == 0 || i == z.Delegations-1 {
		for k := 1; k <= 2; k++ {
			out = fmt.Appendf(out, "%s\t86400\tIN\tNS\tns%d.%s\n", name, k, name)
		}
		for k := 1; k <= 2; k++ {
			out = fmt.Appendf(out, "ns%d.%s\t86400\tIN\tA\t198.51.%d.%d\n", k, name, byte(i>>8), byte(i))
			out = fmt.Appendf(out, "ns%d.%s\t86400\tIN\tAAAA\t2001:db8:%x::%x\n", k, name, uint16(i>>16), uint16(i)|1)
		}
		return out
	}
	for k := 1; k <= 2; k++ {
		out = fmt.Appendf(out, "%s\t86400\tIN\tNS\tns%d.host%d.test.\n", name, k, i%1000)
	}
	return out
}

func (z *bigZone) nsec(out []byte, name holdfast.Name, i int, secured bool) ([]byte, error) {
	next, types, text := z.Zone, []wire.Type{wire.TypeNS, wire.TypeRRSIG, wire.TypeNSEC}, "NS RRSIG NSEC"
	if i+1 < z.Delegations {
		next = z.name(i + 1)
	}
	if secured {
		types, text = append(types, wire.TypeDS), "NS DS RRSIG NSEC"
	}
	r, err := wire.NewNSEC(name, 900, wire.NSEC{Next: next, Types: types})
	if err != nil {
		return nil, err
	}
	return z.sign(fmt.Appendf(out, "%s\t900\tIN\tNSEC\t%s %s\n", name, next, text), r, i)
}

// nsec3s writes one batch of the chain of hashes.
func (z *bigZone) nsec3s(batch int) ([]byte, []bigHash, error) {
	var out []byte
	optOut, flags := z.Denial == "opt-out", 0
	if optOut {
		flags = 1
	}
	for i := batch * bigBatch; i < min((batch+1)*bigBatch, len(z.names)); i++ {
		n, next := z.names[i], z.names[(i+1)%len(z.names)]
		types, text := []wire.Type{wire.TypeNS}, "NS"
		switch n.secured {
		case 1:
			types, text = []wire.Type{wire.TypeNS, wire.TypeDS, wire.TypeRRSIG}, "NS DS RRSIG"
		case 2:
			types, text = []wire.Type{wire.TypeNS, wire.TypeSOA, wire.TypeRRSIG, wire.TypeDNSKEY, wire.TypeNSEC3PARAM}, "NS SOA RRSIG DNSKEY NSEC3PARAM"
		}
		owner := holdfast.Name(wire.HashLabel(n.hash[:])) + "." + z.Zone
		r := wire.NewNSEC3(owner, 900, wire.NSEC3{Hash: 1, OptOut: optOut, Next: next.hash[:], Types: types})
		out = fmt.Appendf(out, "%s\t900\tIN\tNSEC3\t1 %d 0 - %s %s\n", owner, flags, wire.HashLabel(next.hash[:]), text)
		var err error
		if out, err = z.sign(out, r, i); err != nil {
			return nil, nil, err
		}
	}
	return out, nil, nil
}

// sign writes the signature over a record.
func (z *bigZone) sign(out []byte, r wire.Record, i int) ([]byte, error) {
	expiration := z.At.Add(30 * 24 * time.Hour)
	if i%1000 == 3 {
		expiration = expiration.Add(-24 * time.Hour)
	}
	record, err := z.zsk.Sign([]wire.Record{r}, z.Zone, z.At.Add(-24*time.Hour), expiration, rand.Reader)
	if err != nil {
		return nil, err
	}
	sig, err := record.RRSIG()
	if err != nil {
		return nil, err
	}
	const form = "20060102150405"
	return fmt.Appendf(out, "%s\t%d\tIN\tRRSIG\t%s %d %d %d %s %s %d %s %s\n", r.Name, r.TTL, r.Type, sig.Algorithm, sig.Labels, sig.OriginalTTL,
		time.Unix(int64(sig.Expiration), 0).UTC().Format(form), time.Unix(int64(sig.Inception), 0).UTC().Format(form), sig.KeyTag, sig.Signer,
		base64.StdEncoding.EncodeToString(sig.Signature)), nil
}
