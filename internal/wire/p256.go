package wire

import (
	"crypto/elliptic"
	"encoding/binary"
	"math/big"
	"math/bits"
)

// A zone's key verifies its signatures by the million: what is worked out once
// for the key, here multiples of its point, makes each three times cheaper than
// crypto/ecdsa does, which must take each key as new. All that goes in is
// public, so time may depend on it. TestP256 and FuzzP256 hold it to
// crypto/ecdsa. Points are of the curve P-256 (FIPS 186-5, SP 800-186 section
// 3.2.1.3); that the key's is one the caller has seen to.

// felem is a number modulo the field's prime p, times 2^256 (Montgomery's
// form), in four limbs, the least first; always less than p.
type felem [4]uint64

// The prime's limbs that are neither 0 nor 2^64-1.
const (
	prime1 = 1<<32 - 1
	prime3 = 0xffffffff00000001
)

// montgomeryOne is 2^256 modulo p.
func montgomeryOne() felem {
	return felem{1, 0xffffffff00000000, ^uint64(0), 0xfffffffe}
}

// reduce takes p off t, whose fifth limb is high, where t is not less than p.
func reduce(t *felem, high uint64) {
	r0, b := bits.Sub64(t[0], ^uint64(0), 0)
	r1, b := bits.Sub64(t[1], prime1, b)
	r2, b := bits.Sub64(t[2], 0, b)
	r3, b := bits.Sub64(t[3], prime3, b)
	if _, b = bits.Sub64(high, 0, b); b == 0 {
		*t = felem{r0, r1, r2, r3}
	}
}

// mul sets z to x*y/2^256. The prime's lowest limb is -1 modulo 2^64: what is
// added to clear the lowest limb is that limb times p.
func (z *felem) mul(x, y *felem) {
	var t0, t1, t2, t3, t4 uint64
	for i := range 4 {
		d := y[i]
		var c, hi, lo uint64
		hi, lo = bits.Mul64(x[0], d)
		t0, c = bits.Add64(t0, lo, 0)
		carry := hi + c
		hi, lo = bits.Mul64(x[1], d)
		lo, c = bits.Add64(lo, carry, 0)
		hi += c
		t1, c = bits.Add64(t1, lo, 0)
		carry = hi + c
		hi, lo = bits.Mul64(x[2], d)
		lo, c = bits.Add64(lo, carry, 0)
		hi += c
		t2, c = bits.Add64(t2, lo, 0)
		carry = hi + c
		hi, lo = bits.Mul64(x[3], d)
		lo, c = bits.Add64(lo, carry, 0)
		hi += c
		t3, c = bits.Add64(t3, lo, 0)
		carry = hi + c
		var t5 uint64
		t4, t5 = bits.Add64(t4, carry, 0)
		// t0*p is t0*2^96 - t0 at the lower limbs, and t0*prime3 at the fourth.
		m := t0
		hi, lo = bits.Mul64(m, prime3)
		t0, c = bits.Add64(t1, m<<32, 0)
		t1, c = bits.Add64(t2, m>>32, c)
		t2, c = bits.Add64(t3, lo, c)
		t3, c = bits.Add64(t4, hi, c)
		t4 = t5 + c
	}
	*z = felem{t0, t1, t2, t3}
	reduce(z, t4)
}

func (z *felem) add(x, y *felem) {
	var c uint64
	z[0], c = bits.Add64(x[0], y[0], 0)
	z[1], c = bits.Add64(x[1], y[1], c)
	z[2], c = bits.Add64(x[2], y[2], c)
	z[3], c = bits.Add64(x[3], y[3], c)
	reduce(z, c)
}

func (z *felem) sub(x, y *felem) {
	var b, c uint64
	z[0], b = bits.Sub64(x[0], y[0], 0)
	z[1], b = bits.Sub64(x[1], y[1], b)
	z[2], b = bits.Sub64(x[2], y[2], b)
	z[3], b = bits.Sub64(x[3], y[3], b)
	mask := -b
	z[0], c = bits.Add64(z[0], mask, 0)
	z[1], c = bits.Add64(z[1], mask&prime1, c)
	z[2], c = bits.Add64(z[2], 0, c)
	z[3], _ = bits.Add64(z[3], mask&prime3, c)
}

func (z *felem) isZero() bool { return z[0]|z[1]|z[2]|z[3] == 0 }

// toField brings a number less than p into the field.
func toField(v *big.Int) felem {
	shifted := new(big.Int).Lsh(v, 256)
	shifted.Mod(shifted, elliptic.P256().Params().P)
	return limbs(shifted)
}

// limbs are those of a number below 2^256.
func limbs(v *big.Int) felem {
	var octets [32]byte
	v.FillBytes(octets[:])
	return felem{
		binary.BigEndian.Uint64(octets[24:]), binary.BigEndian.Uint64(octets[16:]),
		binary.BigEndian.Uint64(octets[8:]), binary.BigEndian.Uint64(octets[:]),
	}
}

// affine is a point that is not at infinity.
type affine struct{ x, y felem }

// jacobian is a point (x/z^2, y/z^3); z is zero at infinity.
type jacobian struct{ x, y, z felem }

// double sets p to 2p (dbl-2001-b of the Explicit-Formulas Database, a = -3).
func (p *jacobian) double() {
	var delta, gamma, beta, alpha, t, u felem
	delta.mul(&p.z, &p.z)
	gamma.mul(&p.y, &p.y)
	beta.mul(&p.x, &gamma)
	t.sub(&p.x, &delta)
	u.add(&p.x, &delta)
	alpha.mul(&t, &u)
	t.add(&alpha, &alpha)
	alpha.add(&t, &alpha)
	// z = (y+z)^2 - gamma - delta
	t.add(&p.y, &p.z)
	p.z.mul(&t, &t)
	p.z.sub(&p.z, &gamma)
	p.z.sub(&p.z, &delta)
	// x = alpha^2 - 8 beta
	beta.add(&beta, &beta)
	beta.add(&beta, &beta) // 4 beta
	p.x.mul(&alpha, &alpha)
	p.x.sub(&p.x, &beta)
	p.x.sub(&p.x, &beta)
	// y = alpha (4 beta - x) - 8 gamma^2
	t.sub(&beta, &p.x)
	p.y.mul(&alpha, &t)
	gamma.mul(&gamma, &gamma)
	gamma.add(&gamma, &gamma)
	gamma.add(&gamma, &gamma)
	gamma.add(&gamma, &gamma)
	p.y.sub(&p.y, &gamma)
}

// addAffine adds a point; negative: its opposite.
func (p *jacobian) addAffine(q *affine, negative bool) {
	qy := q.y
	if negative {
		qy.sub(&felem{}, &qy)
	}
	if p.z.isZero() {
		*p = jacobian{q.x, qy, montgomeryOne()}
		return
	}
	var zz, u, s, h, r, hh, hhh, v, t felem
	zz.mul(&p.z, &p.z)
	u.mul(&q.x, &zz)
	s.mul(&qy, &p.z)
	s.mul(&s, &zz)
	h.sub(&u, &p.x)
	r.sub(&s, &p.y)
	if h.isZero() {
		if r.isZero() {
			p.double()
		} else {
			*p = jacobian{}
		}
		return
	}
	hh.mul(&h, &h)
	hhh.mul(&hh, &h)
	v.mul(&p.x, &hh)
	p.z.mul(&p.z, &h)
	// x = r^2 - hhh - 2v
	p.x.mul(&r, &r)
	p.x.sub(&p.x, &hhh)
	p.x.sub(&p.x, &v)
	p.x.sub(&p.x, &v)
	// y = r (v - x) - y hhh
	t.sub(&v, &p.x)
	t.mul(&r, &t)
	v.mul(&p.y, &hhh)
	p.y.sub(&t, &v)
}

const (
	windowBits = 8
	windows    = 256/windowBits + 1    // the last takes the carry
	multiples  = 1 << (windowBits - 1) // of a window, the negative ones being their opposites
)

// multiplesOf are the multiples 1 to 128 of 2^(8i) times a point, for each
// window i of a scalar.
type multiplesOf [windows][multiples]affine

// newMultiples works out the multiples of a point that is on the curve. As the
// curve's order is a prime above 2^255, none of them is at infinity.
func newMultiples(x, y *big.Int) *multiplesOf {
	base := affine{toField(x), toField(y)}
	points := make([]jacobian, 0, windows*multiples)
	for range windows {
		p := jacobian{base.x, base.y, montgomeryOne()}
		for range multiples {
			points = append(points, p)
			p.addAffine(&base, false)
		}
		// The last is 128 times the base; twice that begins the next window.
		next := points[len(points)-1]
		next.double()
		base = normalized([]jacobian{next})[0]
	}
	out := new(multiplesOf)
	for i, p := range normalized(points) {
		out[i/multiples][i%multiples] = p
	}
	return out
}

// normalized makes points affine, none of which is at infinity, with one
// inversion for all (Montgomery's trick).
func normalized(points []jacobian) []affine {
	products := make([]felem, len(points))
	product := montgomeryOne()
	for i := range points {
		products[i] = product
		product.mul(&product, &points[i].z)
	}
	inverse := inverted(&product)
	out := make([]affine, len(points))
	for i := len(points) - 1; i >= 0; i-- {
		var z, zz felem
		z.mul(&inverse, &products[i])
		inverse.mul(&inverse, &points[i].z)
		zz.mul(&z, &z)
		out[i].x.mul(&points[i].x, &zz)
		zz.mul(&zz, &z)
		out[i].y.mul(&points[i].y, &zz)
	}
	return out
}

// inverted is x^(p-2), by Fermat's little theorem.
func inverted(x *felem) felem {
	exponent := new(big.Int).Sub(elliptic.P256().Params().P, big.NewInt(2))
	z := montgomeryOne()
	for i := exponent.BitLen() - 1; i >= 0; i-- {
		z.mul(&z, &z)
		if exponent.Bit(i) == 1 {
			z.mul(&z, x)
		}
	}
	return z
}

// addScaled adds k times the point, k below 2^256.
func (p *jacobian) addScaled(table *multiplesOf, k *big.Int) {
	var octets [32]byte
	k.FillBytes(octets[:])
	carry := 0
	for i := range windows {
		digit := carry
		if i < 32 {
			digit += int(octets[31-i])
		}
		if carry = 0; digit > multiples {
			digit, carry = digit-2*multiples, 1
		}
		switch {
		case digit > 0:
			p.addAffine(&table[i][digit-1], false)
		case digit < 0:
			p.addAffine(&table[i][-digit-1], true)
		}
	}
}

// p256Key verifies the signatures of one key.
type p256Key struct{ generator, public *multiplesOf }

func newP256Key(x, y *big.Int) *p256Key {
	curve := elliptic.P256().Params()
	return &p256Key{newMultiples(curve.Gx, curve.Gy), newMultiples(x, y)}
}

// verify checks a signature of 64 octets, r and s, over a hash of 32 (FIPS 186-5
// section 6.4.2).
func (k *p256Key) verify(hash, signature []byte) bool {
	order := elliptic.P256().Params().N
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if r.Sign() == 0 || s.Sign() == 0 || r.Cmp(order) >= 0 || s.Cmp(order) >= 0 {
		return false
	}
	s.ModInverse(s, order)
	u := new(big.Int).SetBytes(hash)
	u.Mod(u.Mul(u, s), order)
	s.Mod(s.Mul(s, r), order)
	var p jacobian
	p.addScaled(k.generator, u)
	p.addScaled(k.public, s)
	if p.z.isZero() {
		return false
	}
	// x/z^2 is r, or r plus the order where that is still below p.
	var zz felem
	zz.mul(&p.z, &p.z)
	prime := elliptic.P256().Params().P
	for ; r.Cmp(prime) < 0; r.Add(r, order) {
		x := toField(r)
		if x.mul(&x, &zz); x == p.x {
			return true
		}
	}
	return false
}
