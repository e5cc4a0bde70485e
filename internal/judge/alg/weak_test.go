package alg

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func prime(t testing.TB, bits int) *big.Int {
	t.Helper()
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func product(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }

// flawed is a prime as the generator of CVE-2017-15361 makes them for keys of
// 512 bits: k*M + (65537^a mod M), M the product of the first 39 primes (section
// 2.1 of the paper).
func flawed(t testing.TB) *big.Int {
	t.Helper()
	m := big.NewInt(1)
	for n, count := int64(2), 0; count < 39; n++ {
		if big.NewInt(n).ProbablyPrime(20) {
			m.Mul(m, big.NewInt(n))
			count++
		}
	}
	for {
		k, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 37))
		a, _ := rand.Int(rand.Reader, m)
		p := new(big.Int).Exp(big.NewInt(65537), a, m)
		if p.Add(p, k.Mul(k, m)); p.ProbablyPrime(20) {
			return p
		}
	}
}

func TestWeakness(t *testing.T) {
	p, q := prime(t, 512), prime(t, 512)
	next := new(big.Int).Add(p, big.NewInt(2))
	for !next.ProbablyPrime(20) {
		next.Add(next, big.NewInt(2))
	}
	tests := []struct {
		name  string
		n     *big.Int
		small uint64
		close bool
		roca  bool
	}{
		{"sound", product(p, q), 0, false, false},
		{"a small factor", product(p, big.NewInt(997)), 997, false, false},
		{"even", product(p, big.NewInt(2)), 2, false, false},
		{"a square", product(p, p), 0, true, false},
		{"neighbours", product(p, next), 0, true, false},
		{"ROCA", product(flawed(t), flawed(t)), 0, false, true},
	}
	for _, test := range tests {
		if s, c, r := smallFactor(test.n), isClose(test.n), isROCA(test.n); s != test.small || c != test.close || r != test.roca {
			t.Errorf("%s: factor %d, close %v, ROCA %v", test.name, s, c, r)
		}
	}
	for range 50 {
		if isROCA(product(prime(t, 256), prime(t, 256))) {
			t.Error("an honest key has the fingerprint")
		}
	}
}

func modulusKey(n *big.Int) string {
	return key(256, 8, append([]byte{3, 1, 0, 1}, n.Bytes()...))
}

func TestWeakKeys(t *testing.T) {
	p, q := prime(t, 1024), prime(t, 1024)
	for _, test := range []struct {
		n        *big.Int
		severity holdfast.Severity
		text     string
	}{
		{product(p, q), 0, ""},
		{product(p, p), holdfast.SeverityError, "found at once"},
		{product(product(p, prime(t, 1000)), big.NewInt(13)), holdfast.SeverityError, "divided by 13"},
		{product(flawed(t), flawed(t)), holdfast.SeverityWarning, "CVE-2017-15361"},
	} {
		v := judge.Catalogue{Checks: []judge.Check{weakKey()}}.Judge(measure(t, []string{modulusKey(test.n)}, nil), noon)
		switch {
		case test.text == "" && len(v.Findings) > 0:
			t.Errorf("%s", v.Findings[0].Text)
		case test.text != "" && (len(v.Findings) != 1 || v.Findings[0].Severity != test.severity || !strings.Contains(v.Findings[0].Text, test.text)):
			t.Errorf("%s: %+v", test.text, v.Findings)
		}
	}
}

func TestModulus(t *testing.T) {
	n := product(prime(t, 256), prime(t, 256))
	m := measure(t, []string{modulusKey(n), key(257, 13, octets(64))}, nil)
	published, _ := keys(judge.NewCase(m, noon))
	found := 0
	for _, k := range published {
		if got := Modulus(k); got != nil {
			found++
			if got.Cmp(n) != 0 {
				t.Errorf("%s", hex.EncodeToString(got.Bytes()))
			}
		}
	}
	if found != 1 {
		t.Errorf("%d moduli", found)
	}
}

func TestSharedPrimes(t *testing.T) {
	p, q, r, s, u := prime(t, 256), prime(t, 256), prime(t, 256), prime(t, 256), prime(t, 256)
	moduli := []*big.Int{product(p, q), product(r, s), product(q, r), nil, product(p, q), product(u, prime(t, 256))}
	for range 20 {
		moduli = append(moduli, product(prime(t, 128), prime(t, 128)))
	}
	got := SharedPrimes(moduli)
	if len(got) != 2 || got[0].A != 0 || got[0].B != 2 || got[0].Prime.Cmp(q) != 0 || got[1].A != 1 || got[1].B != 2 || got[1].Prime.Cmp(r) != 0 {
		t.Errorf("%+v", got)
	}
	for _, none := range [][]*big.Int{nil, {product(p, q)}, {product(p, q), product(p, q)}, {product(p, q), product(r, s)}} {
		if got := SharedPrimes(none); len(got) != 0 {
			t.Errorf("among %d: %+v", len(none), got)
		}
	}
}

// TestSharedPrimesOfARoster: all RSA keys of a root's worth of zones at once.
func TestSharedPrimesOfARoster(t *testing.T) {
	p := prime(t, 1024)
	moduli := make([]*big.Int, 600)
	for i := range moduli {
		raw := make([]byte, 256)
		_, _ = rand.Read(raw) // never fails
		raw[0], raw[255] = raw[0]|0x80, raw[255]|1
		n := new(big.Int).SetBytes(raw)
		for _, c := range chunks() { // random numbers share small factors
			for _, small := range c.primes {
				for residue(n, small) == 0 {
					n.Quo(n, new(big.Int).SetUint64(small))
				}
			}
		}
		moduli[i] = n
	}
	moduli[17], moduli[590] = product(p, prime(t, 1024)), product(p, prime(t, 1024))
	found := false
	for _, s := range SharedPrimes(moduli) {
		found = found || s.A == 17 && s.B == 590 && s.Prime.Cmp(p) == 0
	}
	if !found {
		t.Error("the shared prime was not found")
	}
}

func BenchmarkWeakness(b *testing.B) {
	n := product(prime(b, 1024), prime(b, 1024))
	for b.Loop() {
		_ = smallFactor(n) != 0 || isClose(n) || isROCA(n)
	}
}
