package wire

import (
	"bytes"
	"crypto"
	"fmt"
	"math/big"

	"filippo.io/bigmod"
)

// rsaKey is an RSA public key with what depends on the modulus alone. It is
// crypto/rsa's own arithmetic: that works the same out anew for each signature,
// which takes a third of the time. TestRSA and FuzzRSA hold it to crypto/rsa.
type rsaKey struct {
	modulus  *bigmod.Modulus // nil: no signature can be by this key
	exponent uint
	size     int // octets of the modulus
}

// rsaPublic reads an RSA key of the lengths that are allowed.
func (k DNSKEY) rsaPublic() (*rsaKey, error) {
	exponent, modulus, err := k.rsaParts()
	if err != nil {
		return nil, err
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < 512 || n.BitLen() > maxRSABits {
		return nil, fmt.Errorf("%w: RSA modulus of %d bits (RFC 3110 section 2)", ErrKey, n.BitLen())
	}
	if !e.IsInt64() || e.Int64() < 2 || e.Int64() > 1<<31-1 {
		return nil, fmt.Errorf("%w: RSA exponent of %d bits is not supported", ErrKey, e.BitLen())
	}
	key := &rsaKey{exponent: uint(e.Int64()), size: (n.BitLen() + 7) / 8}
	// An even modulus is no product of two large primes, and an even exponent
	// has no inverse: crypto/rsa verifies nothing under them.
	if n.Bit(0) == 1 && e.Bit(0) == 1 {
		if key.modulus, err = bigmod.NewModulus(n.Bytes()); err != nil {
			return nil, fmt.Errorf("%w: RSA modulus: %w", ErrKey, err)
		}
	}
	return key, nil
}

// digestInfo is what stands before a hash in a signature (RFC 8017 section
// 9.2, note 1).
func digestInfo(hash crypto.Hash) []byte {
	switch hash {
	case crypto.SHA1:
		return []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}
	case crypto.SHA256:
		return []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	case crypto.SHA512:
		return []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}
	}
	return nil
}

// verify checks a signature by RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2): the
// message that belongs to the hash is made and compared as a whole.
func (k *rsaKey) verify(hash crypto.Hash, digest, signature []byte) bool {
	info := digestInfo(hash)
	filler := k.size - 3 - len(info) - len(digest)
	if k.modulus == nil || info == nil || filler < 8 || len(signature) > k.size {
		return false
	}
	// Signatures are as long as the modulus; leading zero octets that a signer
	// left out are put back, as other validators do.
	if len(signature) < k.size {
		padded := make([]byte, k.size)
		copy(padded[k.size-len(signature):], signature)
		signature = padded
	}
	s, err := bigmod.NewNat().SetBytes(signature, k.modulus)
	if err != nil { // not less than the modulus
		return false
	}
	message := bigmod.NewNat().ExpShortVarTime(s, k.exponent, k.modulus).Bytes(k.modulus)
	want := make([]byte, 0, 512)
	want = append(want, 0, 1)
	for range filler {
		want = append(want, 0xff)
	}
	want = append(append(append(want, 0), info...), digest...)
	return bytes.Equal(message, want)
}
