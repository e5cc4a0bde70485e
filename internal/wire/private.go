package wire

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/cloudflare/circl/sign/ed448"
)

// Private key files are BIND's, version 1.3, as its tools, those of ldns and
// Knot DNS read them: lines of a name and a value, the numbers in base64.

// maxPrivate bounds the text of a private key: RSA keys of 4096 bits have 3.2
// kilobytes.
const maxPrivate = 16 << 10

// rsaParts are the numbers of an RSA key by their names in the file, in order.
func rsaParts() []string {
	return []string{"Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2", "Exponent1", "Exponent2", "Coefficient"}
}

// algorithmName is what stands behind the number in a private key's file.
func algorithmName(algorithm uint8) string {
	switch algorithm {
	case RSASHA1:
		return "RSASHA1"
	case RSASHA1NSEC3SHA1:
		return "NSEC3RSASHA1"
	case RSASHA256:
		return "RSASHA256"
	case RSASHA512:
		return "RSASHA512"
	case ECDSAP256SHA256:
		return "ECDSAP256SHA256"
	case ECDSAP384SHA384:
		return "ECDSAP384SHA384"
	case ED25519:
		return "ED25519"
	}
	return "ED448"
}

// Private writes the private key, as ReadKey reads it. It is a secret.
func (k *Key) Private() (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "Private-key-format: v1.3\nAlgorithm: %d (%s)\n", k.DNSKEY.Algorithm, algorithmName(k.DNSKEY.Algorithm))
	line := func(name string, value []byte) {
		fmt.Fprintf(&out, "%s: %s\n", name, base64.StdEncoding.EncodeToString(value))
	}
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		if len(private.Primes) != 2 {
			return "", fmt.Errorf("write private key %d: it has %d primes", k.Tag, len(private.Primes))
		}
		private.Precompute()
		numbers := []*big.Int{private.N, big.NewInt(int64(private.E)), private.D, private.Primes[0], private.Primes[1],
			private.Precomputed.Dp, private.Precomputed.Dq, private.Precomputed.Qinv}
		for i, name := range rsaParts() {
			line(name, numbers[i].Bytes())
		}
	case *ecdsa.PrivateKey:
		scalar, err := private.Bytes()
		if err != nil {
			return "", fmt.Errorf("write private key %d: %w", k.Tag, err)
		}
		line("PrivateKey", scalar)
	case ed25519.PrivateKey:
		line("PrivateKey", private.Seed())
	case ed448.PrivateKey:
		line("PrivateKey", private.Seed())
	default:
		return "", fmt.Errorf("write private key %d: %w", k.Tag, ErrAlgorithm)
	}
	return out.String(), nil
}

// ReadKey puts a key pair together again from its DNSKEY and its private part.
// It answers an error where they do not belong together.
func ReadKey(key DNSKEY, private string) (*Key, error) {
	out := &Key{DNSKEY: key, Tag: key.KeyTag()}
	parts, err := readPrivate(key.Algorithm, private)
	if err == nil {
		out.private, err = privateKey(key.Algorithm, parts)
	}
	if err != nil {
		return nil, fmt.Errorf("read private key %d: %w", out.Tag, err)
	}
	public, err := publicOf(out.private)
	if err != nil {
		return nil, fmt.Errorf("read private key %d: %w", out.Tag, err)
	}
	if !slices.Equal(public, key.PublicKey) {
		return nil, fmt.Errorf("read private key %d: %w: it belongs to another public key", out.Tag, ErrKey)
	}
	return out, nil
}

// readPrivate reads the lines of a private key's file.
func readPrivate(algorithm uint8, text string) (map[string][]byte, error) {
	if len(text) > maxPrivate {
		return nil, fmt.Errorf("it has more than %d octets", maxPrivate)
	}
	parts := map[string][]byte{}
	in := bufio.NewScanner(strings.NewReader(text))
	for n := 1; in.Scan(); n++ {
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		name, value, ok := strings.Cut(in.Text(), ":")
		if value = strings.TrimSpace(value); !ok {
			return nil, fmt.Errorf("line %d: want a name, a colon and a value", n)
		}
		switch name {
		case "Private-key-format":
			if !strings.HasPrefix(value, "v1.") {
				return nil, fmt.Errorf("line %d: format %q is not known; want v1.2 or v1.3", n, value)
			}
		case "Algorithm":
			if number, _, _ := strings.Cut(value, " "); number != fmt.Sprint(algorithm) {
				return nil, fmt.Errorf("line %d: algorithm %q, and the DNSKEY has %d", n, value, algorithm)
			}
		case "Created", "Publish", "Activate", "Revoke", "Inactive", "Delete", "SyncPublish", "SyncDelete":
		default:
			data, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", n, name, err)
			}
			parts[name] = data
		}
	}
	return parts, in.Err()
}

func privateKey(algorithm uint8, parts map[string][]byte) (crypto.Signer, error) {
	scalar := parts["PrivateKey"]
	wrong := func(length int) bool { return len(scalar) != length }
	errScalar := errors.New("PrivateKey is missing or has the wrong length")
	switch algorithm {
	case RSASHA1, RSASHA1NSEC3SHA1, RSASHA256, RSASHA512:
		return privateRSA(parts)
	case ECDSAP256SHA256, ECDSAP384SHA384:
		curve, length := elliptic.P256(), 32
		if algorithm == ECDSAP384SHA384 {
			curve, length = elliptic.P384(), 48
		}
		if len(scalar) == 0 || len(scalar) > length {
			return nil, errScalar
		}
		// Some writers leave out leading zero octets.
		return ecdsa.ParseRawPrivateKey(curve, append(make([]byte, length-len(scalar)), scalar...))
	case ED25519:
		if wrong(ed25519.SeedSize) {
			return nil, errScalar
		}
		return ed25519.NewKeyFromSeed(scalar), nil
	case ED448:
		if wrong(ed448.SeedSize) {
			return nil, errScalar
		}
		return ed448.NewKeyFromSeed(scalar), nil
	}
	return nil, ErrAlgorithm
}

// privateRSA checks the primes against the modulus; the rest of the numbers is
// worked out anew.
func privateRSA(parts map[string][]byte) (crypto.Signer, error) {
	number := func(name string) *big.Int { return new(big.Int).SetBytes(parts[name]) }
	for _, name := range rsaParts()[:5] {
		if len(parts[name]) == 0 || len(parts[name]) > maxRSABits/8 {
			return nil, fmt.Errorf("%s is missing or too long", name)
		}
	}
	exponent := number("PublicExponent")
	if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > 1<<31-1 {
		return nil, errors.New("PublicExponent is out of range")
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: number("Modulus"), E: int(exponent.Int64())},
		D: number("PrivateExponent"), Primes: []*big.Int{number("Prime1"), number("Prime2")}}
	if err := key.Validate(); err != nil {
		return nil, err
	}
	key.Precompute()
	return key, nil
}

// publicOf is the public part of a key as DNSKEY has it (RFC 3110 section 2,
// RFC 6605 section 4, RFC 8080 section 3).
func publicOf(private crypto.Signer) ([]byte, error) {
	switch private := private.(type) {
	case *rsa.PrivateKey:
		exponent := big.NewInt(int64(private.E)).Bytes()
		return append(append([]byte{byte(len(exponent))}, exponent...), private.N.Bytes()...), nil
	case *ecdsa.PrivateKey:
		point, err := private.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		return point[1:], nil
	case ed25519.PrivateKey:
		return private.Public().(ed25519.PublicKey), nil
	case ed448.PrivateKey:
		return private.Public().(ed448.PublicKey), nil
	}
	return nil, ErrAlgorithm
}
