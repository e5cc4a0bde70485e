package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"fmt"
	"math/big"
	"sync/atomic"

	"github.com/cloudflare/circl/sign/ed448"
)

// Prepared is a key made ready to verify many signatures: what depends on the
// key alone is worked out once. It may be used by several goroutines at a time.
type Prepared struct {
	DNSKEY
	tag   uint16
	err   error // why the key cannot be used; wraps ErrKey or ErrAlgorithm
	hash  crypto.Hash
	rsa   *rsaKey
	ecdsa *ecdsa.PublicKey
	// p256 is made when the key has verified as many signatures as its making
	// costs.
	p256 atomic.Pointer[p256Key]
	uses atomic.Int64
}

// manyUses is how many signatures must have been verified before multiples of
// the point are worked out: their making costs some sixty verifications.
const manyUses = 100

// Prepare makes a key ready. A key that cannot be used says so with each
// signature that it is asked about.
func (k DNSKEY) Prepare() *Prepared {
	p := &Prepared{DNSKEY: k, tag: k.KeyTag()}
	switch k.Algorithm {
	case RSASHA1, RSASHA1NSEC3SHA1:
		p.hash = crypto.SHA1
		p.rsa, p.err = k.rsaPublic()
	case RSASHA256:
		p.hash = crypto.SHA256
		p.rsa, p.err = k.rsaPublic()
	case RSASHA512:
		p.hash = crypto.SHA512
		p.rsa, p.err = k.rsaPublic()
	case ECDSAP256SHA256:
		p.hash = crypto.SHA256
		p.ecdsa, p.err = k.ecdsaPublic(elliptic.P256())
	case ECDSAP384SHA384:
		p.hash = crypto.SHA384
		p.ecdsa, p.err = k.ecdsaPublic(elliptic.P384())
	case ED25519:
		if len(k.PublicKey) != ed25519.PublicKeySize {
			p.err = fmt.Errorf("%w: Ed25519 key of %d octets (RFC 8080 section 3)", ErrKey, len(k.PublicKey))
		}
	case ED448:
		if len(k.PublicKey) != ed448.PublicKeySize {
			p.err = fmt.Errorf("%w: Ed448 key of %d octets (RFC 8080 section 3)", ErrKey, len(k.PublicKey))
		}
	default:
		p.err = fmt.Errorf("algorithm %d: %w", k.Algorithm, ErrAlgorithm)
	}
	return p
}

// Tag is the key's tag.
func (p *Prepared) Tag() uint16 { return p.tag }

// Verify checks a signature over data, which is what RRSIG.SignedData makes. It
// answers nil, or ErrSignature, ErrKey or ErrAlgorithm, wrapped.
func (p *Prepared) Verify(data, signature []byte) error {
	if p.err != nil {
		return p.err
	}
	switch {
	case p.rsa != nil:
		return verdict(p.rsa.verify(p.hash, digest(p.hash, data), signature))
	case p.ecdsa != nil:
		return verdict(p.verifyPoint(digest(p.hash, data), signature))
	case p.Algorithm == ED25519:
		return verdict(ed25519.Verify(p.PublicKey, data, signature))
	}
	return verdict(ed448.Verify(p.PublicKey, data, signature, ""))
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

func (k DNSKEY) ecdsaPublic(curve elliptic.Curve) (*ecdsa.PublicKey, error) {
	if size := curve.Params().BitSize / 8; len(k.PublicKey) != 2*size {
		return nil, fmt.Errorf("%w: %s key of %d octets (RFC 6605 section 4)", ErrKey, curve.Params().Name, len(k.PublicKey))
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, k.PublicKey...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return public, nil
}

func (p *Prepared) verifyPoint(digest, signature []byte) bool {
	size := p.ecdsa.Curve.Params().BitSize / 8
	if len(signature) != 2*size {
		return false
	}
	if many := p.p256.Load(); many != nil {
		return many.verify(digest, signature)
	}
	if p.uses.Add(1) == manyUses && p.Algorithm == ECDSAP256SHA256 {
		p.p256.Store(newP256Key(new(big.Int).SetBytes(p.PublicKey[:size]), new(big.Int).SetBytes(p.PublicKey[size:])))
	}
	return verifyPoint(p.ecdsa, digest, signature)
}

func verifyPoint(public *ecdsa.PublicKey, digest, signature []byte) bool {
	size := len(signature) / 2
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, digest, r, s)
}
