package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"github.com/cloudflare/circl/sign/ed448"

	"github.com/holdfastdns/holdfast"
)

// NewRecord makes a record from raw RDATA.
func NewRecord(name holdfast.Name, t Type, ttl uint32, data []byte) Record {
	return Record{Name: name, Type: t, Class: ClassIN, TTL: ttl, Data: data}
}

// NewSOA makes an SOA record.
func NewSOA(name holdfast.Name, ttl uint32, soa SOA) (Record, error) {
	mname, err := PackName(soa.MName)
	if err != nil {
		return Record{}, err
	}
	rname, err := PackName(soa.RName)
	if err != nil {
		return Record{}, err
	}
	data := append(mname, rname...)
	for _, v := range []uint32{soa.Serial, soa.Refresh, soa.Retry, soa.Expire, soa.NegativeMinTTL} {
		data = put32(data, v)
	}
	return NewRecord(name, TypeSOA, ttl, data), nil
}

// NewTarget makes an NS, CNAME or DNAME record.
func NewTarget(name holdfast.Name, t Type, ttl uint32, target holdfast.Name) (Record, error) {
	data, err := PackName(target)
	return NewRecord(name, t, ttl, data), err
}

// NewAddress makes an A or AAAA record, as the address is.
func NewAddress(name holdfast.Name, ttl uint32, addr netip.Addr) Record {
	t := TypeAAAA
	if addr.Is4() {
		t = TypeA
	}
	return NewRecord(name, t, ttl, addr.AsSlice())
}

// NewDNSKEY makes a DNSKEY record.
func NewDNSKEY(name holdfast.Name, ttl uint32, key DNSKEY) Record {
	return NewRecord(name, TypeDNSKEY, ttl, key.data())
}

// NewDS makes a DS record.
func NewDS(name holdfast.Name, ttl uint32, ds holdfast.DS) Record {
	data := put16(nil, ds.KeyTag)
	data = append(data, ds.Algorithm, ds.DigestType)
	return NewRecord(name, TypeDS, ttl, append(data, ds.Digest...))
}

// NewNSEC makes an NSEC record; the types are sorted here.
func NewNSEC(name holdfast.Name, ttl uint32, nsec NSEC) (Record, error) {
	data, err := PackName(nsec.Next)
	return NewRecord(name, TypeNSEC, ttl, appendBitmap(data, sorted(nsec.Types))), err
}

// NewNSEC3 makes an NSEC3 record at its hashed owner name.
func NewNSEC3(owner holdfast.Name, ttl uint32, n NSEC3) Record {
	flags := n.Flags
	if n.OptOut {
		flags |= 1
	}
	data := put16([]byte{n.Hash, flags}, n.Iterations)
	data = append(append(data, byte(len(n.Salt))), n.Salt...)
	data = append(append(data, byte(len(n.Next))), n.Next...)
	return NewRecord(owner, TypeNSEC3, ttl, appendBitmap(data, sorted(n.Types)))
}

// NewNSEC3PARAM makes an NSEC3PARAM record.
func NewNSEC3PARAM(name holdfast.Name, ttl uint32, p NSEC3PARAM) Record {
	data := put16([]byte{p.Hash, p.Flags}, p.Iterations)
	return NewRecord(name, TypeNSEC3PARAM, ttl, append(append(data, byte(len(p.Salt))), p.Salt...))
}

// NewZONEMD makes a ZONEMD record.
func NewZONEMD(name holdfast.Name, ttl uint32, z ZONEMD) Record {
	data := append(put32(nil, z.Serial), z.Scheme, z.Hash)
	return NewRecord(name, TypeZONEMD, ttl, append(data, z.Digest...))
}

// NewRRSIG makes a signature record over records owned by name.
func NewRRSIG(name holdfast.Name, ttl uint32, s RRSIG) (Record, error) {
	signer, err := PackName(s.Signer)
	if err != nil {
		return Record{}, err
	}
	data := put16(nil, uint16(s.Covered))
	data = append(data, s.Algorithm, s.Labels)
	data = put32(data, s.OriginalTTL)
	data = put32(data, s.Expiration)
	data = put32(data, s.Inception)
	data = put16(data, s.KeyTag)
	return NewRecord(name, TypeRRSIG, ttl, append(append(data, signer...), s.Signature...)), nil
}

func sorted(types []Type) []Type {
	types = slices.Clone(types)
	slices.Sort(types)
	return slices.Compact(types)
}

// Key is a key pair that signs.
type Key struct {
	DNSKEY  DNSKEY
	Tag     uint16
	private crypto.Signer
}

// GenerateKey makes a key pair. bits matters for RSA only (0: 2048). random
// is crypto/rand.Reader, or a seeded reader where a lab wants the same keys
// again (which only the Edwards curves honour).
func GenerateKey(algorithm uint8, flags uint16, bits int, random io.Reader) (*Key, error) {
	key := &Key{DNSKEY: DNSKEY{Flags: flags, Protocol: 3, Algorithm: algorithm}}
	var err error
	switch algorithm {
	case RSASHA1, RSASHA1NSEC3SHA1, RSASHA256, RSASHA512:
		if bits == 0 {
			bits = 2048
		}
		var private *rsa.PrivateKey
		if private, err = rsa.GenerateKey(random, bits); err == nil {
			exponent := big.NewInt(int64(private.E)).Bytes()
			key.private = private
			key.DNSKEY.PublicKey = append(append([]byte{byte(len(exponent))}, exponent...), private.N.Bytes()...)
		}
	case ECDSAP256SHA256, ECDSAP384SHA384:
		curve := elliptic.P256()
		if algorithm == ECDSAP384SHA384 {
			curve = elliptic.P384()
		}
		var private *ecdsa.PrivateKey
		if private, err = ecdsa.GenerateKey(curve, random); err == nil {
			key.private = private
			var point []byte
			point, err = private.PublicKey.Bytes()
			if err == nil {
				key.DNSKEY.PublicKey = point[1:]
			}
		}
	case ED25519:
		var private ed25519.PrivateKey
		if _, private, err = ed25519.GenerateKey(random); err == nil {
			key.private = private
			key.DNSKEY.PublicKey = private.Public().(ed25519.PublicKey)
		}
	case ED448:
		var private ed448.PrivateKey
		if _, private, err = ed448.GenerateKey(random); err == nil {
			key.private = private
			key.DNSKEY.PublicKey = private.Public().(ed448.PublicKey)
		}
	default:
		err = ErrAlgorithm
	}
	if err != nil {
		return nil, fmt.Errorf("generate key of algorithm %d: %w", algorithm, err)
	}
	key.Tag = key.DNSKEY.KeyTag()
	return key, nil
}

// Sign signs an RRset in the name of zone. random serves ECDSA.
func (k *Key) Sign(rrset []Record, zone holdfast.Name, inception, expiration time.Time, random io.Reader) (Record, error) {
	if len(rrset) == 0 {
		return Record{}, fmt.Errorf("sign: %w: RRset is empty", ErrMismatch)
	}
	first := rrset[0]
	count := first.Name.Labels()
	if first.Name[0] == '*' {
		count--
	}
	sig := RRSIG{
		Covered: first.Type, Algorithm: k.DNSKEY.Algorithm, Labels: uint8(count), OriginalTTL: first.TTL,
		Expiration: uint32(expiration.Unix()), Inception: uint32(inception.Unix()), KeyTag: k.Tag, Signer: zone,
	}
	data, err := sig.SignedData(rrset)
	if err != nil {
		return Record{}, fmt.Errorf("sign: %w", err)
	}
	if sig.Signature, err = k.sign(data, random); err != nil {
		return Record{}, fmt.Errorf("sign %s %s: %w", first.Name, first.Type, err)
	}
	return NewRRSIG(first.Name, first.TTL, sig)
}

func (k *Key) sign(data []byte, random io.Reader) ([]byte, error) {
	var hash crypto.Hash
	switch k.DNSKEY.Algorithm {
	case RSASHA1, RSASHA1NSEC3SHA1:
		hash = crypto.SHA1
	case RSASHA256, ECDSAP256SHA256:
		hash = crypto.SHA256
	case ECDSAP384SHA384:
		hash = crypto.SHA384
	case RSASHA512:
		hash = crypto.SHA512
	case ED448:
		return ed448.Sign(k.private.(ed448.PrivateKey), data, ""), nil
	default:
		return k.private.Sign(random, data, crypto.Hash(0))
	}
	h := hash.New()
	h.Write(data)
	signature, err := k.private.Sign(random, h.Sum(nil), hash)
	if _, isECDSA := k.private.(*ecdsa.PrivateKey); err != nil || !isECDSA {
		return signature, err
	}
	// DNSSEC writes r and s side by side, not as ASN.1 (RFC 6605 section 4).
	var point struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &point); err != nil {
		return nil, err
	}
	out := make([]byte, 2*hash.Size())
	point.R.FillBytes(out[:hash.Size()])
	point.S.FillBytes(out[hash.Size():])
	return out, nil
}
