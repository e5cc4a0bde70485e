package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/holdfastdns/holdfast"
)

// TestRunning asks an rndc that says what a real one said: a key that the
// status calls trusted counts only where it is loaded.
func TestRunning(t *testing.T) {
	forms, err := filepath.Abs("../source/anchor/testdata/forms")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	script := "#!/bin/sh\ncase \"$1\" in managed-keys) cat \"$FORMS/$STATUS\";; secroots) cat \"$FORMS/$SECROOTS\";; esac\n"
	if err := os.WriteFile(filepath.Join(folder, "rndc"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	t.Setenv("FORMS", forms)
	machine := func() *holdfast.Machine {
		return &holdfast.Machine{Resolvers: []holdfast.Installation{{Software: holdfast.BIND, Anchorings: []holdfast.Anchoring{{Upkeep: holdfast.UpkeepFollow}}}}}
	}
	states := func(status, secroots string) []holdfast.KeyState {
		t.Setenv("STATUS", status)
		t.Setenv("SECROOTS", secroots)
		m := machine()
		askRunning(t.Context(), m)
		for _, u := range m.Unread {
			t.Errorf("%s: %s", status, u.Why)
		}
		var out []holdfast.KeyState
		for _, k := range m.Resolvers[0].Anchorings[0].Point.Keys {
			out = append(out, k.State)
		}
		return out
	}
	if got := states("status-first.txt", "secroots-first.txt"); len(got) != 1 {
		t.Errorf("one key, with which it begins: %v", got)
	}
	if got := states("status-pending.txt", "secroots-pending.txt"); len(got) != 2 || got[0].Trusted() == got[1].Trusted() {
		t.Errorf("one key loaded, one waits: %v", got)
	}
	if got := states("status-pending.txt", "secroots-none.txt"); len(got) != 2 || got[0].Trusted() || got[1].Trusted() {
		t.Errorf("a key that is not loaded is trusted: %v", got)
	}
	m := machine()
	t.Setenv("STATUS", "nowhere")
	askRunning(t.Context(), m)
	if len(m.Unread) != 1 {
		t.Errorf("an rndc that fails is not noted: %+v", m.Unread)
	}
}
