package wire

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // the hash of algorithms 5 and 7 and of DS digest 1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
)

// DNSSEC algorithm numbers that Holdfast can verify (IANA, "DNS Security
// Algorithm Numbers").
const (
	RSASHA1          uint8 = 5
	RSASHA1NSEC3SHA1 uint8 = 7
	RSASHA256        uint8 = 8
	RSASHA512        uint8 = 10
	ECDSAP256SHA256  uint8 = 13
	ECDSAP384SHA384  uint8 = 14
	ED25519          uint8 = 15
	ED448            uint8 = 16
)

// Errors that callers branch on.
var (
	ErrAlgorithm = errors.New("algorithm not supported")   // insecure, not bogus (RFC 4035 section 5.2)
	ErrSignature = errors.New("signature does not verify") // cryptography says no
	ErrKey       = errors.New("key cannot be used")        // malformed or of a length that the algorithm forbids
	ErrMismatch  = errors.New("signature is not for this RRset or key")
)

// Supported says whether signatures of the algorithm can be verified here.
func Supported(algorithm uint8) bool {
	switch algorithm {
	case RSASHA1, RSASHA1NSEC3SHA1, RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519, ED448:
		return true
	}
	return false
}

// DigestSupported says whether a DS digest type can be computed here: 1, 2, 4.
func DigestSupported(digestType uint8) bool { return digestHash(digestType) != 0 }

func digestHash(digestType uint8) crypto.Hash {
	switch digestType {
	case 1:
		return crypto.SHA1
	case 2:
		return crypto.SHA256
	case 4:
		return crypto.SHA384
	}
	return 0
}

// KeyTag is the tag of a DNSKEY (RFC 4034 appendix B; B.1 for algorithm 1).
func (k DNSKEY) KeyTag() uint16 {
	if k.Algorithm == 1 {
		if n := len(k.PublicKey); n >= 3 {
			return be16(k.PublicKey[n-3:])
		}
		return 0
	}
	var sum uint32
	for i, octet := range k.data() {
		if i&1 == 0 {
			sum += uint32(octet) << 8
		} else {
			sum += uint32(octet)
		}
	}
	return uint16(sum + sum>>16)
}

func (k DNSKEY) data() []byte {
	out := make([]byte, 0, 4+len(k.PublicKey))
	out = put16(out, k.Flags)
	out = append(out, k.Protocol, k.Algorithm)
	return append(out, k.PublicKey...)
}

// Bits is the length of the public key in bits: the modulus for RSA, the
// field for the others; 0 where it cannot be read.
func (k DNSKEY) Bits() int {
	switch k.Algorithm {
	case 1, RSASHA1, RSASHA1NSEC3SHA1, RSASHA256, RSASHA512:
		if _, modulus, err := k.rsaParts(); err == nil {
			return new(big.Int).SetBytes(modulus).BitLen()
		}
		return 0
	case ECDSAP256SHA256, ED25519:
		return 256
	case ECDSAP384SHA384:
		return 384
	case ED448:
		return 456
	}
	return 0
}

// rsaParts splits an RSA key (RFC 3110 section 2).
func (k DNSKEY) rsaParts() (exponent, modulus []byte, err error) {
	d := k.PublicKey
	if len(d) < 3 {
		return nil, nil, fmt.Errorf("%w: RSA key ends before its time", ErrKey)
	}
	length, off := int(d[0]), 1
	if length == 0 {
		length, off = int(be16(d[1:])), 3
	}
	if length == 0 || len(d) <= off+length {
		return nil, nil, fmt.Errorf("%w: RSA key ends before its time", ErrKey)
	}
	return d[off : off+length], d[off+length:], nil
}

// Digest computes the DS of a key at an owner name (RFC 4034 section 5.1.4).
// It answers ErrAlgorithm for a digest type that is not supported.
func (k DNSKEY) Digest(owner holdfast.Name, digestType uint8) (holdfast.DS, error) {
	hash := digestHash(digestType)
	if hash == 0 {
		return holdfast.DS{}, fmt.Errorf("DS digest type %d: %w", digestType, ErrAlgorithm)
	}
	name, err := PackName(owner)
	if err != nil {
		return holdfast.DS{}, err
	}
	h := hash.New()
	h.Write(name)
	h.Write(k.data())
	return holdfast.DS{KeyTag: k.KeyTag(), Algorithm: k.Algorithm, DigestType: digestType, Digest: h.Sum(nil)}, nil
}

// Times are the signature's inception and expiration as instants: the ones
// nearest to at under serial number arithmetic (RFC 4034 section 3.1.5).
func (s RRSIG) Times(at time.Time) (inception, expiration time.Time) {
	return serialTime(s.Inception, at), serialTime(s.Expiration, at)
}

func serialTime(seconds uint32, at time.Time) time.Time {
	now := at.Unix()
	return time.Unix(now+int64(int32(seconds-uint32(now))), 0).UTC()
}

// CompareSerial compares serial numbers (RFC 1982 section 3.2): negative,
// zero or positive as a is before, equal to or after b. The undefined case, a
// distance of exactly 2^31, counts as before.
func CompareSerial(a, b uint32) int {
	switch d := int32(a - b); {
	case d == 0:
		return 0
	case d < 0:
		return -1
	}
	return 1
}

// SignedData is what a signature covers (RFC 4034 section 3.1.8.1): the RRSIG
// data without the signature, then the RRset in canonical form and order,
// duplicates removed (RFC 4034 section 6.3). All records must share owner,
// class and type.
func (s RRSIG) SignedData(rrset []Record) ([]byte, error) {
	if len(rrset) == 0 {
		return nil, fmt.Errorf("%w: RRset is empty", ErrMismatch)
	}
	owner := rrset[0].Name
	if n := owner.Labels(); int(s.Labels) < n && !(int(s.Labels) == n-1 && owner[0] == '*') {
		for range n - int(s.Labels) { // a wildcard's expansion (RFC 4035 section 5.3.2)
			owner = owner.Parent()
		}
		if owner == holdfast.Root {
			owner = "*."
		} else {
			owner = "*." + owner
		}
	}
	name, err := PackName(owner)
	if err != nil {
		return nil, err
	}
	signer, err := PackName(s.Signer)
	if err != nil {
		return nil, err
	}
	datas := make([][]byte, len(rrset))
	size := 18 + len(signer)
	for i, r := range rrset {
		if r.Type != s.Covered || r.Name != rrset[0].Name || r.Class != rrset[0].Class {
			return nil, fmt.Errorf("%w: RRset %s %s holds %s %s", ErrMismatch, rrset[0].Name, s.Covered, r.Name, r.Type)
		}
		datas[i] = r.Canonical()
		size += len(name) + 10 + len(datas[i])
	}
	if len(datas) > 1 {
		slices.SortFunc(datas, bytes.Compare)
		datas = slices.CompactFunc(datas, bytes.Equal)
	}
	out := make([]byte, 0, size)
	out = put16(out, uint16(s.Covered))
	out = append(out, s.Algorithm, s.Labels)
	out = put32(out, s.OriginalTTL)
	out = put32(out, s.Expiration)
	out = put32(out, s.Inception)
	out = put16(out, s.KeyTag)
	out = append(out, signer...)
	for _, data := range datas {
		out = append(out, name...)
		out = put16(out, uint16(s.Covered))
		out = put16(out, rrset[0].Class)
		out = put32(out, s.OriginalTTL)
		out = put16(out, uint16(len(data)))
		out = append(out, data...)
	}
	return out, nil
}

// Verify checks the cryptography of one signature over one RRset with one key
// (RFC 4035 section 5.3.3), and that tag, algorithm and labels fit. It does
// not look at the times, nor at whether the key is trusted: judges do.
//
// It answers ErrAlgorithm, ErrKey, ErrMismatch or ErrSignature, wrapped.
func Verify(sig RRSIG, key DNSKEY, rrset []Record) error {
	if !Supported(sig.Algorithm) {
		return fmt.Errorf("algorithm %d: %w", sig.Algorithm, ErrAlgorithm)
	}
	if sig.Algorithm != key.Algorithm || sig.KeyTag != key.KeyTag() || !key.IsZoneKey() && key.Flags&FlagRevoke == 0 {
		return ErrMismatch
	}
	if len(rrset) > 0 && int(sig.Labels) > rrset[0].Name.Labels() {
		return fmt.Errorf("%w: labels field %d exceeds the owner's (RFC 4035 section 5.3.1)", ErrMismatch, sig.Labels)
	}
	data, err := sig.SignedData(rrset)
	if err != nil {
		return err
	}
	return key.Prepare().Verify(data, sig.Signature)
}

func verdict(ok bool) error {
	if ok {
		return nil
	}
	return ErrSignature
}

// maxRSABits bounds the work of one verification: RFC 3110 section 2 and
// RFC 5702 section 2.1 allow moduli up to 4096 bits.
const maxRSABits = 4096
