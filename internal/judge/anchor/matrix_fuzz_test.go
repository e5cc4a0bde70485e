package anchor_test

import (
	"encoding/json"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
)

// FuzzJudge judges any evidence: it must not panic, and what it says must refer
// to what there is.
func FuzzJudge(f *testing.F) {
	stage := plainRoll(&testing.T{})
	stage.actor("a", true)
	stage.shows("a", holdfast.ProbeSigned, "", 0, "AD")
	stage.shows("a", holdfast.ProbeIs, "new", 0, "SERVFAIL")
	stage.holds("a", 3, map[string]holdfast.KeyState{"old": holdfast.KeyValid, "new": holdfast.KeyAddPend})
	stage.r.Acts = []holdfast.Acted{{After: 5e9, Actor: "a", Act: holdfast.PlayAct{Do: holdfast.ActClock, With: "+1d"}}}
	text, err := json.Marshal(stage.r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"play":{"length_ns":9223372036854775807,"timers":{"ttl_ns":9223372036854775807}},"served":[]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r holdfast.Rehearsal
		if len(text) > 1<<20 || json.Unmarshal(text, &r) != nil || len(r.Play.Keys) > 8 || len(r.Actors) > 3 || len(r.Play.Steps) > 20 {
			return
		}
		m, err := anchor.Judge(r)
		if err != nil {
			return
		}
		for _, c := range m.Cells {
			if c.Agreement == "" || c.Agreement == holdfast.Deviates && c.Why == "" {
				t.Errorf("cell without a word: %+v", c)
			}
		}
	})
}
