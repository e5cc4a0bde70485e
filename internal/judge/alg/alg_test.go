package alg

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// Key tags below were computed by a program of another language from RFC 4034
// appendix B.

// measure makes a measurement in which one parent server gives the DS records
// and one server of example. the keys.
func measure(t testing.TB, keys, ds []string) holdfast.Measurement {
	t.Helper()
	m := holdfast.Measurement{ID: "test", Subject: holdfast.Subject{Zone: "example."}, Depth: holdfast.Full}
	add := func(zone holdfast.Name, purpose holdfast.Purpose, server string, qtype wire.Type, texts []string) {
		q := holdfast.Question{Name: "example.", Type: uint16(qtype)}
		message := &wire.Message{Response: true, Authoritative: true, Question: []holdfast.Question{q}}
		for _, text := range texts {
			r, err := wire.ParseRecord(text)
			if err != nil {
				t.Fatal(err)
			}
			message.Answer = append(message.Answer, r)
		}
		reply, err := message.Pack()
		if err != nil {
			t.Fatal(err)
		}
		m.Exchanges = append(m.Exchanges, holdfast.Exchange{
			Zone: zone, Purpose: purpose, Question: q, Transport: holdfast.UDP, Sent: noon, Outcome: holdfast.Answered, Reply: reply,
			Server: holdfast.Server{Name: "ns.test.", Address: netip.MustParseAddr(server)},
		})
	}
	add(holdfast.Root, holdfast.PurposeDS, "198.51.100.1", wire.TypeDS, ds)
	add("example.", holdfast.PurposeDNSKEY, "192.0.2.1", wire.TypeDNSKEY, keys)
	return m
}

// key is a DNSKEY of so many octets; an RSA key is made by rsa.
func key(flags int, algorithm uint8, public []byte) string {
	return fmt.Sprintf("example. 3600 IN DNSKEY %d 3 %d %s", flags, algorithm, base64.StdEncoding.EncodeToString(public))
}

func octets(n int) []byte { return slices.Repeat([]byte{0xa5}, n) }

func rsa(bits int, exponent ...byte) []byte {
	if len(exponent) == 0 {
		exponent = []byte{1, 0, 1}
	}
	return append(append([]byte{byte(len(exponent))}, exponent...), octets(bits/8)...)
}

func ds(algorithm, digest uint8, length int) string {
	return fmt.Sprintf("example. 86400 IN DS 4711 %d %d %s", algorithm, digest, strings.Repeat("AB", length))
}

func TestChecks(t *testing.T) {
	good, goodDS := key(257, 13, octets(64)), ds(13, 2, 32)
	for name, test := range map[string]struct {
		keys, ds []string
		want     []string // "CODE severity RRSET: text"
	}{
		"healthy":     {[]string{good, key(256, 13, octets(64))}, []string{goodDS}, nil},
		"unsigned":    {nil, nil, nil},
		"healthy RSA": {[]string{key(257, 8, rsa(2048)), key(256, 8, rsa(4096))}, []string{ds(8, 2, 32)}, nil},
		"a private one": {[]string{key(257, 253, octets(40))}, []string{ds(253, 2, 32)}, []string{
			"ALG-10 info DNSKEY: algorithms that validators in general do not know, and take what they alone sign as unsigned: 253 (private)",
		}},
		"a private one with its name, and a number of nobody's": {[]string{good, key(256, 253, append([]byte("\x06falcon\x07example\x00"), octets(40)...))}, []string{goodDS, ds(200, 2, 32)}, []string{
			"ALG-10 info DNSKEY: algorithms that validators in general do not know, and take what they alone sign as unsigned: 200 (not registered), 253 (private, falcon.example.)",
		}},
		"SHA-1 signatures": {[]string{key(257, 7, rsa(2048))}, []string{ds(7, 2, 32)}, []string{
			"ALG-01 error DNSKEY: keys of the zone use an algorithm that must not be used for signing: 7 (RSASHA1-NSEC3-SHA1)",
			"ALG-01 error DS: DS records of the zone use an algorithm that must not be used for signing: 7 (RSASHA1-NSEC3-SHA1)",
		}},
		"RSA/SHA-512": {[]string{key(257, 10, rsa(2048))}, []string{ds(10, 2, 32)}, []string{
			"ALG-01 warning DNSKEY: keys of the zone use an algorithm that is not recommended for signing: 10 (RSASHA512)",
			"ALG-01 warning DS: DS records of the zone use an algorithm that is not recommended for signing: 10 (RSASHA512)",
		}},
		"both": {[]string{key(257, 10, rsa(2048)), key(256, 12, octets(64)), good}, []string{goodDS}, []string{
			"ALG-01 error DNSKEY: keys of the zone use an algorithm that must not be used for signing: 12 (ECC-GOST); " +
				"keys of the zone use an algorithm that is not recommended for signing: 10 (RSASHA512)",
		}},
		"SHA-1 beside SHA-256": {[]string{good}, []string{goodDS, ds(13, 1, 20)}, []string{
			"ALG-02 warning DS: the parent has a DS record with a digest that must not be used: 1 (SHA-1)",
		}},
		"SHA-1 only": {[]string{good}, []string{ds(13, 1, 20)}, []string{
			"ALG-03 error DS: all DS records of the zone use digests that must not be used: 1 (SHA-1)",
		}},
		"SHA-384 only": {[]string{good}, []string{ds(13, 4, 48)}, []string{
			"ALG-04 notice DS: no DS record of the zone uses SHA-256; those there are use 4 (SHA-384)",
		}},
		"short RSA": {[]string{key(256, 8, rsa(1024)), good}, []string{goodDS}, []string{
			"ALG-05 warning DNSKEY: RSA keys outside 2048 to 4096 bits: 28787 (1024 bits)",
		}},
		"very short RSA": {[]string{key(256, 8, rsa(768)), good}, []string{goodDS}, []string{
			"ALG-05 error DNSKEY: RSA keys outside 2048 to 4096 bits: 5657 (768 bits)",
		}},
		"long RSA": {[]string{key(256, 8, rsa(4104)), good}, []string{goodDS}, []string{
			"ALG-05 warning DNSKEY: RSA keys outside 2048 to 4096 bits: 20912 (4104 bits)",
		}},
		"a revoked short one": {[]string{key(385, 8, rsa(1024)), good}, []string{goodDS}, nil},
		"cut": {[]string{key(257, 13, octets(63))}, []string{goodDS}, []string{
			"ALG-06 error DNSKEY: keys that no validator can use: 47133 (algorithm 13) has 63 octets in place of 64",
		}},
		"cut Ed448": {[]string{good, key(256, 16, octets(56))}, []string{goodDS}, []string{
			"ALG-06 error DNSKEY: keys that no validator can use: 8750 (algorithm 16) has 56 octets in place of 57",
		}},
		"exponent 1": {[]string{good, key(256, 8, rsa(2048, 1))}, []string{goodDS}, []string{
			"ALG-06 error DNSKEY: keys that no validator can use: 55259 (algorithm 8) has an exponent that RSA cannot use",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge.Catalogue{Checks: Checks()}.Judge(measure(t, test.keys, test.ds), noon)
			var got []string
			for _, f := range v.Findings {
				if f.Code == "ALG-09" {
					continue // the moduli here are patterns, and weak indeed: TestWeakKeys
				}
				got = append(got, fmt.Sprintf("%s %s %s: %s", f.Code, f.Severity, f.RRset, f.Text))
				if len(f.Evidence) == 0 {
					t.Errorf("%s rests on nothing", f.Code)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// A zone that is tested before it is delegated is judged by the DS given.
func TestDelegationByHand(t *testing.T) {
	m := measure(t, []string{key(257, 13, octets(64))}, nil)
	m.Exchanges = m.Exchanges[1:]
	m.Subject.Delegation = &holdfast.Delegation{DS: []holdfast.DS{{KeyTag: 1, Algorithm: 13, DigestType: 1, Digest: octets(20)}}}
	v := judge.Catalogue{Checks: Checks()}.Judge(m, noon)
	if len(v.Findings) != 1 || v.Findings[0].Code != "ALG-03" {
		t.Errorf("%+v", v.Findings)
	}
}

func TestRSAExponent(t *testing.T) {
	for _, test := range []struct{ key, want []byte }{
		{[]byte{3, 1, 0, 1, 9, 9}, []byte{1, 0, 1}},
		{[]byte{0, 0, 2, 0, 3, 9}, []byte{3}}, // the long form, with a leading zero
		{[]byte{9, 1}, nil}, {nil, nil}, {[]byte{5, 1, 2, 3}, nil},
	} {
		if got := rsaExponent(test.key); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.key, got, test.want)
		}
	}
}

// FuzzChecks judges arbitrary keys and DS records: none may make a check panic.
func FuzzChecks(f *testing.F) {
	base := measure(f, []string{key(257, 8, rsa(1024)), key(256, 13, octets(3))}, []string{ds(13, 1, 20)})
	f.Add(base.Exchanges[0].Reply, base.Exchanges[1].Reply)
	f.Add(base.Exchanges[1].Reply, []byte{})
	f.Fuzz(func(t *testing.T, ds, keys []byte) {
		m := base
		m.Exchanges = slices.Clone(base.Exchanges)
		m.Exchanges[0].Reply, m.Exchanges[1].Reply = ds, keys
		for _, finding := range (judge.Catalogue{Checks: Checks()}).Judge(m, noon).Findings {
			if finding.Code == judge.CodeBroken {
				t.Error(finding.Text)
			}
		}
	})
}
