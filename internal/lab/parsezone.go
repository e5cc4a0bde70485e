package lab

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// zoneStatement carries out a statement about a zone.
func (p *parser) zoneStatement(z *ZonePlan, verb string, args []string) error {
	switch verb {
	case "ns":
		return addHost(z, args)
	case "file":
		return p.zoneFile(z, args)
	case "record":
		return addRecord(z, strings.Join(args, " "))
	case "unsigned", "csk", "island", "no-cds", "zonemd":
		if len(args) != 0 {
			return fmt.Errorf("%s: wants nothing after it", verb)
		}
		z.Signing.flag(verb)
		return nil
	case "soa":
		return z.SOA.parse(args)
	case "ttl":
		return z.TTL.parse(args)
	case "presigned":
		return p.presigned(z, args)
	case "partner":
		return addPartner(z, args)
	case "multisigner":
		if len(args) != 1 || args[0] != "1" && args[0] != "2" {
			return fmt.Errorf("multisigner: want the model of RFC 8901, 1 or 2")
		}
		z.Multisigner = int(args[0][0] - '0')
		return nil
	case "rollover":
		r, err := parseRollover(args, p.plan.Start)
		if err == nil {
			z.Rollovers = append(z.Rollovers, r)
		}
		return err
	case "key":
		k, err := parseNamedKey(args)
		if err == nil {
			z.Ring = append(z.Ring, k)
		}
		return err
	case "keys":
		o, err := parseKeyOrder(args, p.plan.Start, len(z.Orders) == 0)
		if err == nil {
			z.Orders = append(z.Orders, o)
		}
		return err
	case "axfr":
		if len(args) != 1 || args[0] != "open" && args[0] != "refused" {
			return fmt.Errorf("axfr: want open or refused")
		}
		z.Transfer = args[0] == "open"
		return nil
	case "alg":
		return z.Signing.parseAlgorithm(args)
	case "nsec", "compact":
		if len(args) != 0 {
			return fmt.Errorf("%s: wants nothing after it", verb)
		}
		z.Signing.NSEC3, z.Signing.Compact = nil, verb == "compact"
		return nil
	case "nsec3":
		return z.Signing.parseNSEC3(args)
	case "digest":
		return z.Signing.parseDigests(args)
	case "serial":
		if len(args) != 1 {
			return fmt.Errorf("serial: want unix, date or count")
		}
		z.Signing.Serial = SerialScheme(args[0])
		return z.Signing.withDefaults().check()
	case "validity", "backdate", "resign", "publish", "jitter", "phase":
		return z.Signing.parseTimes(append([]string{verb}, args...))
	}
	return fmt.Errorf("%q: no such statement about a zone", verb)
}

func (s *Signing) flag(word string) {
	switch word {
	case "unsigned":
		s.Unsigned = true
	case "csk":
		s.CSK = true
	case "island":
		s.Island = true
	case "no-cds":
		s.NoCDS = true
	case "zonemd":
		s.ZONEMD = true
	}
}

func addHost(z *ZonePlan, args []string) error {
	host, err := parseHost(args)
	if err != nil {
		return fmt.Errorf("ns: %w", err)
	}
	z.Servers = append(z.Servers, host)
	return nil
}

func addPartner(z *ZonePlan, args []string) error {
	host, err := parseHost(args)
	if err != nil {
		return fmt.Errorf("partner: %w", err)
	}
	z.Partners = append(z.Partners, host)
	return nil
}

func parseHost(args []string) (Host, error) {
	if len(args) == 0 {
		return Host{}, fmt.Errorf("want a name, then addresses")
	}
	name, err := holdfast.ParseName(args[0])
	if err != nil {
		return Host{}, err
	}
	host := Host{Name: name}
	for _, word := range args[1:] {
		addr, err := parseAddress(word)
		if err != nil {
			return Host{}, fmt.Errorf("%s: %w", name, err)
		}
		host.Addresses = append(host.Addresses, addr)
	}
	return host, nil
}

func (p *parser) zoneFile(z *ZonePlan, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("file: want one file")
	}
	in, err := p.openFile(args[0])
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	defer in.Close()
	return wire.ReadZone(in, z.Name, args[0], func(r wire.Record) error {
		z.Records = append(z.Records, r)
		return nil
	})
}

// presigned reads a zone that is to be served as it is.
func (p *parser) presigned(z *ZonePlan, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("presigned: want one file")
	}
	whole := ZonePlan{Name: z.Name}
	if err := p.zoneFile(&whole, args); err != nil {
		return fmt.Errorf("presigned: %w", err)
	}
	if len(whole.Records) == 0 {
		return fmt.Errorf("presigned: %s has no records", args[0])
	}
	z.Presigned = whole.Records
	return nil
}

// addRecord reads one record as a line of the zone's master file.
func addRecord(z *ZonePlan, text string) error {
	n := 0
	err := wire.ReadZone(strings.NewReader(fmt.Sprintf("$TTL %d\n%s\n", ttlOf(z.TTL.withDefaults().Default), text)), z.Name, "record", func(r wire.Record) error {
		if n++; n > 1 { // $GENERATE makes many of one line
			return fmt.Errorf("record %q: want one record", text)
		}
		switch r.Type {
		case wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY:
			z.Keys = append(z.Keys, r)
		default:
			z.Records = append(z.Records, r)
		}
		return nil
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("record %q: want one record", text)
	}
	return err
}

// parse reads "refresh D retry D expire D minimum D mname NAME rname NAME".
func (t *SOATimers) parse(words []string) error {
	times := map[string]*time.Duration{"refresh": &t.Refresh, "retry": &t.Retry, "expire": &t.Expire, "minimum": &t.Minimum}
	names := map[string]*holdfast.Name{"mname": &t.MName, "rname": &t.RName}
	if len(words) == 0 || len(words)%2 != 0 {
		return fmt.Errorf("soa: want refresh, retry, expire, minimum, mname or rname, each with what it is to be")
	}
	for ; len(words) > 0; words = words[2:] {
		var err error
		switch key := words[0]; {
		case times[key] != nil:
			err = parseTTL(times[key], words[1])
		case names[key] != nil:
			*names[key], err = holdfast.ParseName(words[1])
		default:
			err = fmt.Errorf("want refresh, retry, expire, minimum, mname or rname")
		}
		if err != nil {
			return fmt.Errorf("soa %s: %w", words[0], err)
		}
	}
	return nil
}

// parse reads "default D ns D dnskey D delegation D ds D".
func (t *TTLs) parse(words []string) error {
	ttls := map[string]*time.Duration{"default": &t.Default, "ns": &t.NS, "dnskey": &t.DNSKEY, "delegation": &t.Delegation, "ds": &t.DS}
	if len(words) == 0 || len(words)%2 != 0 {
		return fmt.Errorf("ttl: want default, ns, dnskey, delegation or ds, each with a duration")
	}
	for ; len(words) > 0; words = words[2:] {
		into := ttls[words[0]]
		if into == nil {
			return fmt.Errorf("ttl %q: want default, ns, dnskey, delegation or ds", words[0])
		}
		if err := parseTTL(into, words[1]); err != nil {
			return fmt.Errorf("ttl %s: %w", words[0], err)
		}
	}
	return nil
}

// parseTTL reads a duration of whole seconds, of 31 bits (RFC 2181 section 8).
func parseTTL(into *time.Duration, word string) error {
	d, err := ParseDuration(word)
	if err == nil && (d < time.Second || d%time.Second != 0) {
		err = fmt.Errorf("%q: want whole seconds, one or more", word)
	}
	*into = d
	return err
}

// algorithms by the mnemonics of IANA's registry.
var algorithms = map[string]uint8{
	"RSASHA1": wire.RSASHA1, "RSASHA1-NSEC3-SHA1": wire.RSASHA1NSEC3SHA1,
	"RSASHA256": wire.RSASHA256, "RSASHA512": wire.RSASHA512,
	"ECDSAP256SHA256": wire.ECDSAP256SHA256, "ECDSAP384SHA384": wire.ECDSAP384SHA384,
	"ED25519": wire.ED25519, "ED448": wire.ED448,
}

// ParseAlgorithm reads an algorithm by its mnemonic or its number.
func ParseAlgorithm(word string) (number uint8, ok bool) {
	if number, ok = algorithms[strings.ToUpper(word)]; ok {
		return number, true
	}
	n, err := strconv.ParseUint(word, 10, 8)
	return uint8(n), err == nil
}

// AlgorithmName is the mnemonic of an algorithm, or its number where it has
// none here.
func AlgorithmName(number uint8) string {
	for name, n := range algorithms {
		if n == number {
			return name
		}
	}
	return strconv.Itoa(int(number))
}

// parseAlgorithm reads "alg NAME [BITS]"; given twice, both sign.
func (s *Signing) parseAlgorithm(args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return fmt.Errorf("alg: want a mnemonic, then for RSA perhaps the bits")
	}
	a := Algorithm{}
	number, ok := ParseAlgorithm(args[0])
	if !ok {
		return fmt.Errorf("alg %q: no such algorithm", args[0])
	}
	a.Number = number
	if len(args) == 2 {
		bits, err := strconv.Atoi(args[1])
		if err != nil {
			return fmt.Errorf("alg: %w", err)
		}
		a.Bits = bits
	}
	s.Algorithms = append(s.Algorithms, a)
	return s.withDefaults().check()
}

func (s *Signing) parseNSEC3(args []string) error {
	n := &NSEC3{}
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "optout" {
			n.OptOut = true
			continue
		}
		if i+1 >= len(args) {
			return fmt.Errorf("nsec3: %q wants something after it, or is unknown", word)
		}
		i++
		switch word {
		case "iterations":
			count, err := strconv.ParseUint(args[i], 10, 16)
			if err != nil {
				return fmt.Errorf("nsec3 iterations: %w", err)
			}
			n.Iterations = uint16(count)
		case "salt":
			salt, err := hex.DecodeString(args[i])
			if err != nil {
				return fmt.Errorf("nsec3 salt: %w", err)
			}
			n.Salt = salt
		default:
			return fmt.Errorf("nsec3: %q: want iterations, salt or optout", word)
		}
	}
	s.NSEC3, s.Compact = n, false
	return s.withDefaults().check()
}

func (s *Signing) parseDigests(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("digest: want DS digest types: 1, 2 or 4")
	}
	s.Digests = nil
	for _, word := range args {
		n, err := strconv.ParseUint(word, 10, 8)
		if err != nil {
			return fmt.Errorf("digest: %w", err)
		}
		s.Digests = append(s.Digests, uint8(n))
	}
	return s.withDefaults().check()
}

// parseTimes reads "validity 14d resign 7d ...", in any order.
func (s *Signing) parseTimes(words []string) error {
	for len(words) > 0 {
		if len(words) == 1 {
			return fmt.Errorf("%s: want a duration", words[0])
		}
		d, err := ParseDuration(words[1])
		if err != nil {
			return fmt.Errorf("%s: %w", words[0], err)
		}
		switch words[0] {
		case "validity":
			s.Validity = d
		case "backdate":
			s.Backdate = d
		case "resign":
			s.Resign = d
		case "publish":
			s.Publish = d
		case "jitter":
			s.Jitter = d
		case "phase":
			s.Phase = d
		default:
			return fmt.Errorf("%q: want validity, backdate, resign, publish, jitter or phase", words[0])
		}
		words = words[2:]
	}
	return s.withDefaults().check()
}
