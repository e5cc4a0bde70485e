package wire

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"testing"
)

func p256Edge(t testing.TB, i int) *big.Int {
	t.Helper()
	p, n := elliptic.P256().Params().P, elliptic.P256().Params().N
	edges := []*big.Int{big.NewInt(0), big.NewInt(1), big.NewInt(2), new(big.Int).Sub(p, big.NewInt(1)), new(big.Int).Sub(p, big.NewInt(2)),
		new(big.Int).Sub(n, big.NewInt(1)), n, new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(127), big.NewInt(128), big.NewInt(129), big.NewInt(255), big.NewInt(256)}
	if i < len(edges) {
		return edges[i]
	}
	v, err := rand.Int(rand.Reader, p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestP256Field holds the field to math/big.
func TestP256Field(t *testing.T) {
	p := elliptic.P256().Params().P
	back := func(f felem) *big.Int {
		var one, out felem
		one[0] = 1
		out.mul(&f, &one)
		v := new(big.Int)
		for i := 3; i >= 0; i-- {
			v.Or(v.Lsh(v, 64), new(big.Int).SetUint64(out[i]))
		}
		return v
	}
	for i := range 60 {
		for k := range 60 {
			a, b := p256Edge(t, i), p256Edge(t, k)
			x, y := toField(a), toField(b)
			var sum, difference, product felem
			sum.add(&x, &y)
			difference.sub(&x, &y)
			product.mul(&x, &y)
			for name, c := range map[string]struct {
				got  felem
				want *big.Int
			}{
				"sum": {sum, new(big.Int).Add(a, b)}, "difference": {difference, new(big.Int).Sub(a, b)}, "product": {product, new(big.Int).Mul(a, b)},
			} {
				if want := c.want.Mod(c.want, p); back(c.got).Cmp(want) != 0 {
					t.Fatalf("%s of %x and %x: %x, want %x", name, a, b, back(c.got), want)
				}
			}
		}
	}
}

// TestP256Points: u1*G + u2*d*G is (u1+u2*d)*G as crypto/ecdh has it, equal
// and opposite points on the way included.
func TestP256Points(t *testing.T) {
	n := elliptic.P256().Params().N
	for _, d := range []*big.Int{big.NewInt(1), big.NewInt(2), new(big.Int).Sub(n, big.NewInt(1)), new(big.Int).Sub(n, big.NewInt(2)), p256Edge(t, 100)} {
		d = new(big.Int).Mod(d, n)
		x, y := p256Multiple(t, d)
		key := newP256Key(x, y)
		for i := range 16 {
			for k := range 16 {
				u1, u2 := new(big.Int).Mod(p256Edge(t, i), n), new(big.Int).Mod(p256Edge(t, k), n)
				var p jacobian
				p.addScaled(key.generator, u1)
				p.addScaled(key.public, u2)
				sum := new(big.Int).Mul(u2, d)
				sum.Mod(sum.Add(sum, u1), n)
				if sum.Sign() == 0 {
					if !p.z.isZero() {
						t.Errorf("%x*G + %x*%x*G is not at infinity", u1, u2, d)
					}
					continue
				}
				wantX, wantY := p256Multiple(t, sum)
				if got := normalized([]jacobian{p})[0]; got.x != toField(wantX) || got.y != toField(wantY) {
					t.Errorf("%x*G + %x*%x*G is another point", u1, u2, d)
				}
			}
		}
	}
}

func p256Multiple(t *testing.T, k *big.Int) (x, y *big.Int) {
	t.Helper()
	private, err := ecdh.P256().NewPrivateKey(k.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	point := private.PublicKey().Bytes()
	return new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
}

func p256KeyOf(t testing.TB, public *ecdsa.PublicKey) *p256Key {
	t.Helper()
	point, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return newP256Key(new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:]))
}

// p256Agree holds one verification to crypto/ecdsa.
func p256Agree(t testing.TB, public *ecdsa.PublicKey, key *p256Key, hash, signature []byte) bool {
	t.Helper()
	want := ecdsa.Verify(public, hash, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	if got := key.verify(hash, signature); got != want {
		t.Errorf("hash %x, signature %x, key %x: %v, crypto/ecdsa says %v", hash, signature, public, got, want)
	}
	return want
}

func p256Sign(t testing.TB, private *ecdsa.PrivateKey, hash []byte) []byte {
	t.Helper()
	r, s, err := ecdsa.Sign(rand.Reader, private, hash)
	if err != nil {
		t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

func TestP256(t *testing.T) {
	n := elliptic.P256().Params().N
	for range 4 {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public := &private.PublicKey
		key := p256KeyOf(t, public)
		for i := range 100 {
			hash := sha256.Sum256([]byte{byte(i)})
			signature := p256Sign(t, private, hash[:])
			if !p256Agree(t, public, key, hash[:], signature) {
				t.Fatal("a good signature is called bad")
			}
			broken := bytes.Clone(signature)
			broken[i%64] ^= 1 << (i % 8)
			p256Agree(t, public, key, hash[:], broken)
			hash[i%32] ^= 1
			p256Agree(t, public, key, hash[:], signature)
			// The other signature that is as good: (r, n-s).
			twin := new(big.Int).Sub(n, new(big.Int).SetBytes(signature[32:]))
			hash[i%32] ^= 1
			if !p256Agree(t, public, key, hash[:], append(bytes.Clone(signature[:32]), twin.FillBytes(make([]byte, 32))...)) {
				t.Fatal("the opposite signature is called bad")
			}
		}
		for i := range 13 {
			for k := range 13 {
				signature := append(p256Edge(t, i).FillBytes(make([]byte, 32)), p256Edge(t, k).FillBytes(make([]byte, 32))...)
				for _, hash := range [][]byte{make([]byte, 32), bytes.Repeat([]byte{255}, 32), n.Bytes(), signature[:32]} {
					p256Agree(t, public, key, hash, signature)
				}
			}
		}
	}
}

func FuzzP256(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	key := p256KeyOf(f, &private.PublicKey)
	hash := sha256.Sum256([]byte("seed"))
	f.Add(hash[:], p256Sign(f, private, hash[:]))
	f.Add(make([]byte, 32), make([]byte, 64))
	f.Fuzz(func(t *testing.T, hash, signature []byte) {
		if len(hash) != 32 || len(signature) != 64 {
			return
		}
		p256Agree(t, &private.PublicKey, key, hash, signature)
		p256Agree(t, &private.PublicKey, key, hash, p256Sign(t, private, hash))
	})
}

func BenchmarkP256(b *testing.B) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256([]byte("x"))
	signature := p256Sign(b, private, hash[:])
	b.Run("tables", func(b *testing.B) {
		for b.Loop() {
			p256KeyOf(b, &private.PublicKey)
		}
	})
	key := p256KeyOf(b, &private.PublicKey)
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if !key.verify(hash[:], signature) {
				b.Fatal("bad")
			}
		}
	})
	b.Run("crypto/ecdsa", func(b *testing.B) {
		for b.Loop() {
			if !verifyPoint(&private.PublicKey, hash[:], signature) {
				b.Fatal("bad")
			}
		}
	})
}
