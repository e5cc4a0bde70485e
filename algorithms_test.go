package holdfast

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestAlgorithmsAreNumbersInJSON(t *testing.T) {
	text, err := json.Marshal(Verdict{Algorithms: Algorithms{8, 13}, Servers: []ServerVerdict{}, Findings: []Finding{}})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	if got := string(fields["algorithms"]); got != "[8,13]" {
		t.Errorf("algorithms are written as %s, want [8,13]", got)
	}
	var back Verdict
	if err := json.Unmarshal(text, &back); err != nil || !slices.Equal(back.Algorithms, []uint8{8, 13}) {
		t.Errorf("read back %v, %v", back.Algorithms, err)
	}
	for _, bad := range []string{`[256]`, `[-1]`, `"DQ=="`, `[1.5]`} {
		if err := json.Unmarshal([]byte(bad), new(Algorithms)); err == nil {
			t.Errorf("%s was read as algorithms", bad)
		}
	}
}
