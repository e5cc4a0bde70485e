package iana

import (
	"fmt"
	"strconv"
	"sync"
)

// Recommendation is a value of the columns that RFC 9904 section 2 gave the
// registries; it is empty for numbers that are not for zones.
type Recommendation string

const (
	Must           Recommendation = "MUST"
	MustNot        Recommendation = "MUST NOT"
	Recommended    Recommendation = "RECOMMENDED"
	NotRecommended Recommendation = "NOT RECOMMENDED"
	May            Recommendation = "MAY"
)

func readRecommendation(text string) (Recommendation, error) {
	switch r := Recommendation(text); r {
	case Must, MustNot, Recommended, NotRecommended, May:
		return r, nil
	case "-":
		return "", nil
	}
	return "", fmt.Errorf("%q is not a recommendation of RFC 9904 section 2.2", text)
}

// Standing is what the registry recommends: to those who use an algorithm and
// to those who write software, when making signatures (or delegations) and
// when validating.
type Standing struct {
	UseForSigning          Recommendation // for a digest: for delegation
	UseForValidation       Recommendation
	ImplementForSigning    Recommendation
	ImplementForValidation Recommendation
}

func readStanding(fields []string) (Standing, error) {
	var out Standing
	for i, to := range []*Recommendation{&out.UseForSigning, &out.UseForValidation, &out.ImplementForSigning, &out.ImplementForValidation} {
		r, err := readRecommendation(fields[i])
		if err != nil {
			return Standing{}, err
		}
		*to = r
	}
	return out, nil
}

// Algorithm is one DNSSEC algorithm number.
type Algorithm struct {
	Number      uint8
	Description string
	Mnemonic    string
	ZoneSigning bool
	Standing
	Reference string
}

// Digest is one DS digest type.
type Digest struct {
	Number      uint8
	Description string
	Standing
	Reference string
}

// Hash is one NSEC3 hash algorithm.
type Hash struct {
	Number      uint8
	Description string
	Reference   string
}

// Algorithms is the registry "DNS Security Algorithm Numbers".
var Algorithms = sync.OnceValue(func() Registry[Algorithm] {
	return must(read("dnssec-algorithms.csv", 9, readAlgorithm))
})

// Digests is the registry of DS digest types.
var Digests = sync.OnceValue(func() Registry[Digest] {
	return must(read("ds-digests.csv", 7, readDigest))
})

// NSEC3Hashes is the registry "DNSSEC NSEC3 Hash Algorithms".
var NSEC3Hashes = sync.OnceValue(func() Registry[Hash] {
	return must(read("nsec3-hashes.csv", 3, readHash))
})

func readNumber(text string) (uint8, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	return uint8(n), err
}

func readAlgorithm(f []string) (Algorithm, error) {
	number, err := readNumber(f[0])
	if err != nil {
		return Algorithm{}, err
	}
	standing, err := readStanding(f[4:8])
	if err != nil {
		return Algorithm{}, err
	}
	return Algorithm{number, f[1], f[2], f[3] == "Y", standing, f[8]}, nil
}

func readDigest(f []string) (Digest, error) {
	number, err := readNumber(f[0])
	if err != nil {
		return Digest{}, err
	}
	standing, err := readStanding(f[2:6])
	if err != nil {
		return Digest{}, err
	}
	return Digest{number, f[1], standing, f[6]}, nil
}

func readHash(f []string) (Hash, error) {
	number, err := readNumber(f[0])
	return Hash{number, f[1], f[2]}, err
}

// AlgorithmOf looks an algorithm number up; false where it is not assigned.
func AlgorithmOf(number uint8) (Algorithm, bool) {
	for _, a := range Algorithms().Entries {
		if a.Number == number {
			return a, true
		}
	}
	return Algorithm{}, false
}

// DigestOf looks a digest type up; false where it is not assigned.
func DigestOf(number uint8) (Digest, bool) {
	for _, d := range Digests().Entries {
		if d.Number == number {
			return d, true
		}
	}
	return Digest{}, false
}

// NSEC3HashOf looks an NSEC3 hash up; false where it is not assigned.
func NSEC3HashOf(number uint8) (Hash, bool) {
	for _, h := range NSEC3Hashes().Entries {
		if h.Number == number {
			return h, true
		}
	}
	return Hash{}, false
}
