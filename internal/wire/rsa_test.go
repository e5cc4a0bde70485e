package wire

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"
)

// byCryptoRSA is what crypto/rsa says of a signature under a DNSKEY's data.
func byCryptoRSA(data []byte, hash crypto.Hash, digest, signature []byte) bool {
	exponent, modulus, err := DNSKEY{Algorithm: RSASHA256, PublicKey: data}.rsaParts()
	if err != nil {
		return false
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < 512 || n.BitLen() > maxRSABits || !e.IsInt64() || e.Int64() < 2 || e.Int64() > 1<<31-1 {
		return false
	}
	public := &rsa.PublicKey{N: n, E: int(e.Int64())}
	if size := public.Size(); len(signature) < size {
		signature = append(make([]byte, size-len(signature)), signature...)
	}
	return rsa.VerifyPKCS1v15(public, hash, digest, signature) == nil
}

func rsaAgree(t testing.TB, data []byte, hash crypto.Hash, digest, signature []byte) bool {
	t.Helper()
	want := byCryptoRSA(data, hash, digest, signature)
	key, err := DNSKEY{Algorithm: RSASHA256, PublicKey: data}.rsaPublic()
	if got := err == nil && key.verify(hash, digest, signature); got != want {
		t.Errorf("key %x, digest %x, signature %x: %v, crypto/rsa says %v", data, digest, signature, got, want)
	}
	return want
}

func rsaData(exponent int64, n *big.Int) []byte {
	e := big.NewInt(exponent).Bytes()
	return append(append([]byte{byte(len(e))}, e...), n.Bytes()...)
}

// TestRSA holds verification to crypto/rsa, on good signatures and bad ones.
func TestRSA(t *testing.T) {
	for _, bits := range []int{512, 600, 768, 1023, 1024, 1025, 1536, 2048, 3072, 4096} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		data := rsaData(int64(private.E), private.N)
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA512} {
			sum := digest(hash, []byte("data"))
			signature, err := rsa.SignPKCS1v15(rand.Reader, private, hash, sum)
			if err != nil {
				if bits >= 1024 {
					t.Fatal(err)
				}
				continue // the modulus is too small for the hash
			}
			if !rsaAgree(t, data, hash, sum, signature) {
				t.Errorf("%d bits, %s: a good signature is called bad", bits, hash)
			}
			for i := range 8 {
				broken := bytes.Clone(signature)
				broken[i*len(broken)/8] ^= 1 << i
				rsaAgree(t, data, hash, sum, broken)
			}
			s := new(big.Int).SetBytes(signature)
			rsaAgree(t, data, hash, sum, new(big.Int).Sub(private.N, s).FillBytes(make([]byte, len(signature))))
			if more := new(big.Int).Add(s, private.N); more.BitLen() <= 8*len(signature) {
				rsaAgree(t, data, hash, sum, more.Bytes()) // the same modulo n, but not less than n
			}
			rsaAgree(t, data, hash, sum, signature[1:])
			rsaAgree(t, data, hash, sum, append([]byte{0}, signature...))
			rsaAgree(t, data, hash, sum, append(bytes.Clone(signature), 0))
			rsaAgree(t, data, hash, sum[1:], signature)
			for _, odd := range []struct {
				e int64
				n *big.Int
			}{{2, private.N}, {3, private.N}, {4, private.N}, {1, private.N}, {1<<31 - 1, private.N}, {1 << 31, private.N},
				{65537, new(big.Int).Add(private.N, big.NewInt(1))}, {65537, new(big.Int).Lsh(private.N, 1)}, {65537, new(big.Int).Rsh(private.N, 40)}} {
				rsaAgree(t, rsaData(odd.e, odd.n), hash, sum, signature)
				for _, small := range [][]byte{{}, {0}, {1}, {2}} {
					rsaAgree(t, rsaData(odd.e, odd.n), hash, sum, small)
				}
			}
		}
	}
}

// TestRSAForgery: messages whose padding is short, is no padding, or hides
// octets behind the hash are none, whatever the exponent (CVE-2006-4339).
func TestRSAForgery(t *testing.T) {
	sum := digest(crypto.SHA256, []byte("data"))
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	size := private.Size()
	data := rsaData(int64(private.E), private.N)
	sign := func(head []byte, filler byte, tail []byte) []byte {
		message := append(bytes.Clone(head), bytes.Repeat([]byte{filler}, size-len(head)-len(tail))...)
		message = append(message, tail...)
		return new(big.Int).Exp(new(big.Int).SetBytes(message), private.D, private.N).FillBytes(make([]byte, size))
	}
	info := append(digestInfo(crypto.SHA256), sum...)
	if !rsaAgree(t, data, crypto.SHA256, sum, sign([]byte{0, 1}, 0xff, append([]byte{0}, info...))) {
		t.Error("the message as it should be is refused")
	}
	for name, forged := range map[string][]byte{
		"block type 2":      sign([]byte{0, 2}, 0xff, append([]byte{0}, info...)),
		"another filler":    sign([]byte{0, 1}, 0xfe, append([]byte{0}, info...)),
		"no separator":      sign([]byte{0, 1}, 0xff, info),
		"octets behind":     sign(append([]byte{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, info...), 0x55, nil),
		"no parameters":     sign([]byte{0, 1}, 0xff, append([]byte{0, 0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}, sum...)),
		"another algorithm": sign([]byte{0, 1}, 0xff, append(append([]byte{0}, digestInfo(crypto.SHA1)...), sum...)),
	} {
		if rsaAgree(t, data, crypto.SHA256, sum, forged) {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzRSA(f *testing.F) {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	sum := digest(crypto.SHA256, []byte("data"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rsaData(int64(private.E), private.N), sum, signature)
	f.Add(rsaData(3, private.N), sum, []byte{1})
	f.Add([]byte{1, 2, 0x80}, sum, []byte{})
	f.Fuzz(func(t *testing.T, data, sum, signature []byte) {
		if len(data) > 600 || len(sum) != 32 {
			return
		}
		rsaAgree(t, data, crypto.SHA256, sum, signature)
	})
}

func BenchmarkRSA(b *testing.B) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	sum := digest(crypto.SHA256, []byte("data"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum)
	if err != nil {
		b.Fatal(err)
	}
	key, err := DNSKEY{Algorithm: RSASHA256, PublicKey: rsaData(65537, private.N)}.rsaPublic()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if !key.verify(crypto.SHA256, sum, signature) {
				b.Fatal("bad")
			}
		}
	})
	b.Run("crypto/rsa", func(b *testing.B) {
		for b.Loop() {
			if rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, sum, signature) != nil {
				b.Fatal("bad")
			}
		}
	})
}
