package wire

import (
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
)

// maxKeyTries bounds the search for a key of a given tag: 32 times what it
// takes on average.
const maxKeyTries = 1 << 21

// GenerateKeyOfTag makes a key pair with a given key tag (RFC 4034 appendix B),
// as two keys of one zone may have by chance. On average it tries 65,536 keys,
// which takes a second; RSA keys are of one modulus and many exponents, which
// takes less.
func GenerateKeyOfTag(algorithm uint8, flags uint16, bits int, tag uint16, random io.Reader) (*Key, error) {
	for range maxKeyTries {
		key, err := GenerateKey(algorithm, flags, bits, random)
		if err != nil {
			return nil, err
		}
		if private, ok := key.private.(*rsa.PrivateKey); ok {
			if key.private, err = key.exponentFor(private, tag); err != nil {
				return nil, fmt.Errorf("generate key of tag %d: %w", tag, err)
			}
		}
		if key.Tag = key.DNSKEY.KeyTag(); key.Tag == tag {
			return key, nil
		}
	}
	return nil, fmt.Errorf("generate key of tag %d: none found in %d", tag, maxKeyTries)
}

// maxExponents bounds the search for an exponent. The tag is a sum modulo 65535
// and so decides, modulo 3, 5, 17 and 257, what the exponent is: where that is a
// factor of the group's order too, no exponent of this modulus will do.
const maxExponents = 1 << 19

// exponentFor finds a public exponent that gives the key a tag; where it finds
// none it gives the key back as it is.
func (k *Key) exponentFor(private *rsa.PrivateKey, tag uint16) (*rsa.PrivateKey, error) {
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(private.Primes[0], one), new(big.Int).Sub(private.Primes[1], one))
	modulus, own := private.N.Bytes(), k.DNSKEY.PublicKey
	for e := uint32(1<<24 | 1); e < 1<<24+2*maxExponents; e += 2 {
		k.DNSKEY.PublicKey = append(binary.BigEndian.AppendUint32([]byte{4}, e), modulus...)
		if k.DNSKEY.KeyTag() != tag {
			continue
		}
		exponent := big.NewInt(int64(e))
		inverse := new(big.Int).ModInverse(exponent, phi)
		if inverse == nil {
			shared := new(big.Int).GCD(nil, nil, exponent, phi)
			if new(big.Int).GCD(nil, nil, shared, big.NewInt(65535)).Cmp(one) > 0 {
				break
			}
			continue
		}
		other := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: private.N, E: int(e)}, D: inverse, Primes: private.Primes}
		other.Precompute()
		return other, other.Validate()
	}
	k.DNSKEY.PublicKey = own
	return private, nil
}
