package rehearsal

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
)

func mustPlay(t testing.TB, name string) holdfast.Play {
	t.Helper()
	play, err := Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	return play
}

// TestPlaysComeWhole: every file of the folder is listed, each tells what it is
// about, and each is printed as it was read.
func TestPlaysComeWhole(t *testing.T) {
	files, err := os.ReadDir("plays")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(order) {
		t.Errorf("%d files of plays, %d in order", len(files), len(order))
	}
	plays, err := Plays()
	if err != nil {
		t.Fatal(err)
	}
	for i, play := range plays {
		if play.Name != order[i] || play.Title == "" || len(play.About) < 80 || !strings.HasPrefix(play.Clause, "RFC ") {
			t.Errorf("%s: %+v", order[i], play)
		}
		for _, step := range play.Steps {
			if step.Text == "" {
				t.Errorf("%s: step %s says nothing", play.Name, step.Name)
			}
		}
		again, err := Parse(strings.NewReader(Print(play)), "again")
		if err != nil || !reflect.DeepEqual(again, play) {
			t.Errorf("%s is printed as\n%s(%v)", play.Name, Print(play), err)
		}
	}
	if _, err := Embedded("../plays/plain"); err == nil {
		t.Error("a play was read by a path")
	}
}

func TestPlayIsReadAsItStands(t *testing.T) {
	got, err := Parse(strings.NewReader(`# a play
play two-steps   # with a comment
title One key gives way
about First line,
about
about third line#1.
clause RFC 5011 section 2
timers retry 2h query 1h life 21d ttl 2d remove 30d add 30d
key a ksk 8 2048 tag 20326 anchor
key b ksk ED25519 same-tag a
key z zsk RSASHA256 1536
step S0 at 0s data z publish a,z sign a
step S1 at 30d12h publish b,z revoke a sign a,b data z,b
  text One.
  text Two.
  act restart
  act fault * refuse .
end 31d
`), "x")
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * 3600e9
	want := holdfast.Play{
		Name: "two-steps", Title: "One key gives way", About: "First line,\n\nthird line#1.", Clause: "RFC 5011 section 2",
		Timers: holdfast.Timers{Add: 30 * day, Remove: 30 * day, TTL: 2 * day, Life: 21 * day, Query: 3600e9, Retry: 7200e9},
		Keys: []holdfast.PlayKey{{Name: "a", KSK: true, Algorithm: 8, Bits: 2048, Tag: 20326, Anchor: true},
			{Name: "b", KSK: true, Algorithm: 15, SameTag: "a"}, {Name: "z", Algorithm: 8, Bits: 1536}},
		Steps: []holdfast.PlayStep{
			{Name: "S0", Publish: []string{"a", "z"}, Sign: []string{"a"}, Data: []string{"z"}},
			{At: 30.5 * day, Name: "S1", Text: "One.\nTwo.", Publish: []string{"b", "z", "a"}, Sign: []string{"a", "b"}, Revoke: []string{"a"}, Data: []string{"z", "b"},
				Acts: []holdfast.PlayAct{{Do: "restart"}, {Do: "fault", With: "* refuse ."}}},
		},
		Length: 31 * day,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v\nwant\n%+v", got, want)
	}
}

const sound = `play p
title t
clause c
timers add 10s remove 10s ttl 4s life 60s query 1s retry 1s
key a ksk ED25519 anchor
key z zsk ED25519
step S0 at 0s publish a,z sign a data z
end 10s
`

// TestMistakesAreFoundWhereTheyAre: one line of a sound play is replaced, and
// the error names the line and says what it should be.
func TestMistakesAreFoundWhereTheyAre(t *testing.T) {
	if _, err := Parse(strings.NewReader(sound), "p"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(sound, "\n")
	for _, c := range []struct {
		line      int
		text, say string
	}{
		{1, "play a/b", "p:8: play: want a name"},
		{1, "plays x", "p:1: \"plays\": want play"},
		{1, "play p\nplay q", "p:2: play: want a text, once"},
		{2, "title", "p:2: title: want a text"},
		{2, "text t", "p:2: text: want a step before it"},
		{4, "timers add 10s", "timers remove 0s: want whole seconds"},
		{4, "timers add 10s wait 2s", "p:4: timers: \"wait\""},
		{4, "timers add 1500ms", "p:4: timers add: \"1500ms\": want whole seconds"},
		{4, "timers add", "p:4: timers: want add"},
		{5, "key a ksk ED25519", "want one anchor"},
		{5, "key a zsk ED25519 anchor", "an anchor has to be a ksk"},
		{5, "key a ksk NOSUCH anchor", "p:5: key a: algorithm \"NOSUCH\""},
		{5, "key a ksk 3 anchor", "algorithm 3"},
		{5, "key a ksk RSASHA256 512 anchor", "512 bits"},
		{5, "key a ksk ED25519 tag 70000 anchor", "p:5: key a: tag"},
		{5, "key a ksk ED25519 same-tag z anchor", "no key of that name before it"},
		{5, "key a ksk ED25519 anchor tag", "p:5: key a: \"tag\" wants something after it"},
		{5, "key a ksk ED25519 big 1 anchor", "p:5: key a: \"big\""},
		{6, "key a zsk ED25519", "it is there twice"},
		{7, "step S0 at 1s publish a,z sign a data z", "p:7: step S0: at 1s: the first is at 0s"},
		{7, "step S0 at 0s publish a,z sign a", "p:7: step S0: want a key to publish, and one that signs the data"},
		{7, "step S0 at 0s publish a,b sign a data z", "p:7: step S0: no key is called \"b\""},
		{7, "step S0 at 0s publish a,a sign a data z", "p:7: step S0: key \"a\" stands there twice"},
		{7, "step S0 at 0s publish a sign a data", "p:7: step: want NAME"},
		{7, "step S0 publish a sign a data z", "p:7: step S0: want at DURATION"},
		{7, "step S0 at -1s publish a sign a data z", "p:7: step S0: at: \"-1s\""},
		{7, "step S0 at 0s publish a wave a data z", "p:7: step S0: \"wave\""},
		{7, "step S0 at 0s publish a publish z data z", "p:7: step S0: publish stands there twice"},
		{7, "step S0 at 0s publish a sign a data z\nstep S1 at 0s publish a sign a data z", "p:8: step S1: at 0s, which is not after"},
		{7, "step S0 at 0s publish a sign a data z\nstep S0 at 2s publish a sign a data z", "p:8: step S0: it is there twice"},
		{7, "step S0 at 0s publish a sign a data z\nact dance", "p:7: step S0: act dance: no such act"},
		{7, "step S0 at 0s publish a sign a data z\nact restart now", "act restart: \"now\""},
		{7, "step S0 at 0s publish a sign a data z\nact tamper gently", "act tamper: \"gently\": want one of half"},
		{7, "step S0 at 0s publish a sign a data z\nact bootstrap", "act bootstrap: \"\": want one of rfc7958"},
		{7, "step S0 at 0s publish a sign a data z\nact clock 2m", "act clock: \"2m\": want a sign"},
		{7, "step S0 at 0s publish a sign a data z\nact clock +-2m", "act clock"},
		{7, "step S0 at 0s publish a sign a data z\nact fault * bewitch .", "act fault: fault \"bewitch\""},
		{7, "step S0 at 0s publish a sign a data z\nact fault * refuse . from +2s", "act fault: fault: from and to"},
		{8, "end 0s", "p:8: end 0s: want whole seconds after the last step"},
		{8, "end", "p:8: end: want one duration"},
		{8, "", "end 0s"},
	} {
		text := append(append(append([]string{}, lines[:c.line-1]...), c.text), lines[c.line:]...)
		_, err := Parse(strings.NewReader(strings.Join(text, "\n")), "p")
		if err == nil || !strings.Contains(err.Error(), c.say) || !strings.HasPrefix(err.Error(), "p:") {
			t.Errorf("%q gave %v, want %q", c.text, err, c.say)
		}
	}
}

// TestPlaysAreBounded: a text that does not end is refused before it is whole.
func TestPlaysAreBounded(t *testing.T) {
	head := sound[:strings.Index(sound, "end")]
	for what, text := range map[string]string{
		"keys": strings.Repeat("key a zsk ED25519\n", 70), "steps": strings.Repeat("step S at 0s publish a data a\n", 1100),
		"about": strings.Repeat("about nothing in particular\n", 1000), "acts": head + strings.Repeat("act restart\n", 20),
		"text": head + strings.Repeat("text again and again\n", 1000), "line": "about " + strings.Repeat("x", 1<<15), "lines": strings.Repeat("\n", 70000),
	} {
		play, err := Parse(strings.NewReader(text), "long")
		if err == nil || !strings.HasPrefix(err.Error(), "long:") || len(play.Keys) > 65 || len(play.Steps) > 1025 {
			t.Errorf("%s: %d keys, %d steps, %v", what, len(play.Keys), len(play.Steps), err)
		}
	}
}

// FuzzParse: what is read is printed so that the same is read again, and passes
// Check; nothing panics.
func FuzzParse(f *testing.F) {
	f.Add(sound)
	for _, name := range order {
		text, err := os.ReadFile("plays/" + name + ".play")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		play, err := Parse(strings.NewReader(text), "fuzz")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz:") {
				t.Errorf("%v does not say where", err)
			}
			return
		}
		if err := Check(play); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(strings.NewReader(Print(play)), "again")
		if err != nil || fmt.Sprint(again) != fmt.Sprint(play) {
			t.Errorf("%q is printed as %q: %v", text, Print(play), err)
		}
	})
}

// TestPlaysAreDocumented: docs/formats/play.md has a line for each play and each
// word that an act may have.
func TestPlaysAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/formats/play.md")
	if err != nil {
		t.Fatal(err)
	}
	plays, err := Plays()
	if err != nil {
		t.Fatal(err)
	}
	for _, play := range plays {
		if line := fmt.Sprintf("| `%s` | %s | %s |\n", play.Name, play.Title, play.Clause); !strings.Contains(string(text), line) {
			t.Errorf("docs/formats/play.md lacks\n%s", line)
		}
	}
	_, example, _ := strings.Cut(string(text), "    play one-step")
	example, _, _ = strings.Cut("    play one-step"+example, "\n\nOne statement")
	if play, err := Parse(strings.NewReader(example), "example"); err != nil || len(play.Steps) != 3 {
		t.Errorf("the example of docs/formats/play.md: %v", err)
	}
	for _, word := range slices.Concat(bootstraps, tampers, []string{"restart", "stop", "start", "reset", "flush", "repair"}) {
		if !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/formats/play.md does not say what %s is", word)
		}
	}
}
