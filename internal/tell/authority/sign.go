package authority

import (
	"crypto/sha256"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// errBusy says that no more may be signed for now.
var errBusy = errors.New("the time for signing is used up")

// signer makes signatures and keeps them. Its memory is bounded, and so is the
// time that it spends: whoever asks for ever new names must not keep the
// server from answering what is known.
type signer struct {
	random io.Reader
	most   int // signatures kept

	mu   sync.Mutex
	kept map[[sha256.Size]byte]keptSignature // by what is signed and how; under mu
	// Time that may still be spent, and when that was; under mu.
	left  time.Duration
	since time.Time
	share float64
}

type keptSignature struct {
	record      wire.Record
	from, until time.Time
}

// burst is how much time for signing may be saved up.
const burst = 2 * time.Second

func newSigner(most int, share float64, random io.Reader) *signer {
	return &signer{random: random, most: most, share: share, kept: map[[sha256.Size]byte]keptSignature{}, left: burst}
}

// signature is one key's over an RRset, and until when it is given out.
func (s *signer) signature(key *wire.Key, e *Edition, set []wire.Record, fault Fault, now time.Time) (wire.Record, time.Time, error) {
	digest, err := digestOf(key, e, set, fault)
	if err != nil {
		return wire.Record{}, time.Time{}, err
	}
	s.mu.Lock()
	old, ok := s.kept[digest]
	began := time.Now() // what the processor spends is measured by the machine's clock
	spent := !s.allowed(began)
	s.mu.Unlock()
	if ok && now.Before(old.until) && !now.Before(old.from) {
		return old.record, old.until, nil
	}
	if spent {
		return wire.Record{}, time.Time{}, errBusy
	}
	record, err := s.sign(key, e, set, fault, now)
	if err != nil {
		return wire.Record{}, time.Time{}, err
	}
	until := now.Add(e.plan.Life / 2)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left -= time.Since(began)
	s.makeRoom()
	s.kept[digest] = keptSignature{record, now, until}
	return record, until, nil
}

// allowed says whether there is time left; it must be called under mu.
func (s *signer) allowed(now time.Time) bool {
	if passed := now.Sub(s.since); passed > 0 {
		s.left = min(burst, s.left+time.Duration(min(float64(passed)*s.share, float64(burst))))
	}
	s.since = now
	return s.left > 0
}

// makeRoom drops some when all places are taken, whichever come first: a
// signature that is wanted again is made again. It must be called under mu.
func (s *signer) makeRoom() {
	if len(s.kept) < s.most {
		return
	}
	drop := s.most/16 + 1
	for digest := range s.kept {
		delete(s.kept, digest)
		if drop--; drop == 0 {
			return
		}
	}
}

// digestOf tells apart all signatures that the server may make.
func digestOf(key *wire.Key, e *Edition, set []wire.Record, fault Fault) (out [sha256.Size]byte, err error) {
	sig := wire.RRSIG{Covered: set[0].Type, Algorithm: key.DNSKEY.Algorithm, Labels: uint8(set[0].Name.Labels()),
		OriginalTTL: set[0].TTL, KeyTag: key.Tag, Signer: e.plan.Zone}
	data, err := sig.SignedData(set)
	if err != nil {
		return out, err
	}
	h := sha256.New()
	h.Write(key.DNSKEY.PublicKey)
	h.Write([]byte{byte(fault)})
	for _, d := range []time.Duration{e.plan.Life, e.plan.Backdate} {
		h.Write([]byte(d.String()))
	}
	h.Write(data)
	h.Sum(out[:0])
	return out, nil
}

// sign makes a signature, spoilt if that is wanted.
func (s *signer) sign(key *wire.Key, e *Edition, set []wire.Record, fault Fault, now time.Time) (wire.Record, error) {
	from, to := now.Add(-e.plan.Backdate), now.Add(e.plan.Life)
	if fault == Expired {
		const day = 24 * time.Hour
		to = now.Add(-day)
		from = to.Add(-e.plan.Life - e.plan.Backdate)
	}
	record, err := key.Sign(set, e.plan.Zone, from, to, s.random)
	if err != nil || fault != Bogus {
		return record, err
	}
	sig, err := record.RRSIG()
	if err != nil {
		return record, err
	}
	sig.Signature = append([]byte(nil), sig.Signature...)
	sig.Signature[len(sig.Signature)/2] ^= 0x55
	return wire.NewRRSIG(record.Name, record.TTL, sig)
}
