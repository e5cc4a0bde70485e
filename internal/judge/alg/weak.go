package alg

import (
	"math/big"
	"math/bits"
	"slices"
	"sync"
)

// fingerprintPrimes are those by whose residues keys of the flawed generator
// are told (Nemec, Sys, Svenda, Klinec, Matyas: "The Return of Coppersmith's
// Attack", section 2; CVE-2017-15361). All primes of such a key are of the form
// k*M + (65537^a mod M), M being the product of at least the first 39 primes, so
// that modulo each of them the modulus is a power of 65537. Of other moduli,
// less than one in 2^100 is so.
var fingerprintPrimes = [...]uint64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// powers says for each prime of the fingerprint which residues are powers of
// 65537.
var powers = sync.OnceValue(func() [][]bool {
	out := make([][]bool, len(fingerprintPrimes))
	for i, p := range fingerprintPrimes {
		out[i] = make([]bool, p)
		for r := uint64(1); !out[i][r]; r = r * (65537 % p) % p {
			out[i][r] = true
		}
	}
	return out
})

// isROCA says whether a modulus has the fingerprint of the flawed generator.
func isROCA(modulus *big.Int) bool {
	for i, p := range fingerprintPrimes {
		if !powers()[i][residue(modulus, p)] {
			return false
		}
	}
	return true
}

// residue is n modulo p, without making numbers on the way.
func residue(n *big.Int, p uint64) (r uint64) {
	words := n.Bits()
	for i := len(words) - 1; i >= 0; i-- {
		if bits.UintSize == 64 {
			_, r = bits.Div64(r, uint64(words[i]), p)
		} else {
			_, r = bits.Div64(r>>32, r<<32|uint64(words[i]), p)
		}
	}
	return r
}

// smallLimit bounds the factors that are looked for.
const smallLimit = 1000

// chunk is a product of small primes that fits 64 bits.
type chunk struct {
	product uint64
	primes  []uint64
}

var chunks = sync.OnceValue(func() []chunk {
	out := []chunk{{product: 1}}
	for n := uint64(2); n < smallLimit; n++ {
		if !big.NewInt(int64(n)).ProbablyPrime(0) {
			continue
		}
		last := &out[len(out)-1]
		if last.product > 1<<63/n {
			out = append(out, chunk{product: 1})
			last = &out[len(out)-1]
		}
		last.product *= n
		last.primes = append(last.primes, n)
	}
	return out
})

// smallFactor is a prime below smallLimit that divides the modulus, 0 where
// none does.
func smallFactor(modulus *big.Int) uint64 {
	for _, c := range chunks() {
		r := residue(modulus, c.product)
		for _, p := range c.primes {
			if r%p == 0 && !(modulus.IsUint64() && modulus.Uint64() == p) {
				return p
			}
		}
	}
	return 0
}

// fermatSteps bounds the search for primes that lie close together. The flawed
// generator of CVE-2022-26320 is found in the first few.
const fermatSteps = 32

// isClose says whether the modulus is the product of two numbers so close
// together that Fermat's method finds them at once.
func isClose(modulus *big.Int) bool {
	if modulus.Sign() <= 0 || modulus.Bit(0) == 0 {
		return false
	}
	a := new(big.Int).Sqrt(modulus)
	b2, root := new(big.Int).Mul(a, a), new(big.Int)
	if b2.Cmp(modulus) == 0 {
		return true
	}
	for range fermatSteps {
		a.Add(a, big.NewInt(1))
		b2.Sub(b2.Mul(a, a), modulus)
		if !mayBeSquare(b2) {
			continue
		}
		if root.Sqrt(b2); root.Mul(root, root).Cmp(b2) == 0 {
			return true
		}
	}
	return false
}

// squareModuli tell most numbers that are no squares by their residues.
var squareModuli = [...]uint64{64, 63, 65, 11, 17, 19, 23}

// mayBeSquare says whether the residues are all those of squares: of other
// numbers, fewer than one in 500 pass.
func mayBeSquare(n *big.Int) bool {
	for _, m := range squareModuli {
		r, square := residue(n, m), false
		for x := uint64(0); x <= m/2 && !square; x++ {
			square = x*x%m == r
		}
		if !square {
			return false
		}
	}
	return true
}

// Shared is a prime that two RSA moduli have in common: both keys are broken by
// a division.
type Shared struct {
	A, B  int // indexes of the moduli, A < B
	Prime *big.Int
}

// SharedPrimes finds all pairs among the moduli that share a factor, by
// Bernstein's batch GCD: the work grows little faster than their number. Moduli
// that are equal are one key used twice, and no pair. The answer is sorted.
func SharedPrimes(moduli []*big.Int) []Shared {
	var distinct []int // indexes of the first of each modulus
	seen := make(map[string]bool)
	for i, n := range moduli {
		if n == nil || n.Sign() <= 0 {
			continue
		}
		if key := string(n.Bytes()); !seen[key] {
			seen[key] = true
			distinct = append(distinct, i)
		}
	}
	var suspects []int
	for i, g := range batchGCD(moduli, distinct) {
		if g.Cmp(big.NewInt(1)) > 0 {
			suspects = append(suspects, distinct[i])
		}
	}
	var out []Shared
	for i, a := range suspects {
		for _, b := range suspects[i+1:] {
			if g := new(big.Int).GCD(nil, nil, moduli[a], moduli[b]); g.Cmp(big.NewInt(1)) > 0 {
				out = append(out, Shared{A: min(a, b), B: max(a, b), Prime: g})
			}
		}
	}
	slices.SortFunc(out, func(x, y Shared) int {
		if x.A != y.A {
			return x.A - y.A
		}
		return x.B - y.B
	})
	return out
}

// batchGCD is, for each of the moduli picked, its GCD with the product of all
// others picked.
func batchGCD(moduli []*big.Int, picked []int) []*big.Int {
	if len(picked) == 0 {
		return nil
	}
	level := make([]*big.Int, len(picked))
	for i, at := range picked {
		level[i] = moduli[at]
	}
	products := [][]*big.Int{level}
	for len(level) > 1 {
		var above []*big.Int
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				above = append(above, level[i])
			} else {
				above = append(above, new(big.Int).Mul(level[i], level[i+1]))
			}
		}
		products = append(products, above)
		level = above
	}
	remainders := products[len(products)-1]
	for depth := len(products) - 2; depth >= 0; depth-- {
		below := make([]*big.Int, len(products[depth]))
		for i, n := range products[depth] {
			below[i] = new(big.Int).Mod(remainders[i/2], new(big.Int).Mul(n, n))
		}
		remainders = below
	}
	out := make([]*big.Int, len(picked))
	for i, n := range products[0] {
		r := remainders[i]
		if len(picked) == 1 {
			r = n
		}
		out[i] = new(big.Int).GCD(nil, nil, new(big.Int).Quo(r, n), n)
	}
	return out
}
