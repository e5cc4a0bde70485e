package past

import (
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// TestALookIsTakenInOnce: judging a look again, as recovery and rejudge do,
// must not count it twice.
func TestALookIsTakenInOnce(t *testing.T) {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	m := holdfast.Measurement{Subject: holdfast.Subject{Zone: "example."}}
	c := judge.NewCase(m, at)
	c.Chain = &judge.Chain{}
	once := Fold(c)
	if once.Looks != 1 || !once.Since.Equal(at) || !once.Until.Equal(at) {
		t.Fatalf("after one look: %+v", once)
	}
	c.Past = once
	if twice := Fold(c); twice.Looks != 1 {
		t.Errorf("the same look was counted twice: %+v", twice)
	}
	later := judge.NewCase(m, at.Add(time.Hour))
	later.Chain, later.Past = &judge.Chain{}, once
	if then := Fold(later); then.Looks != 2 || !then.Since.Equal(at) || !then.Until.Equal(at.Add(time.Hour)) {
		t.Errorf("after two looks: %+v", then)
	}
}
