package machine

import "testing"

// TestIdle: what a machine runs is searched; what lies about, only if asked.
func TestIdle(t *testing.T) {
	for _, test := range []struct {
		name                string
		usually, everything bool
	}{
		{"usr", false, false}, {"var/lib/unbound", false, false}, {"opt", false, false}, {"etc/home", false, false},
		{"proc", true, true}, {"var/log", true, true}, {"usr/src/x/.git", true, true},
		{"home", true, false}, {"var/lib/docker", true, false},
	} {
		if idle(test.name, false) != test.usually || idle(test.name, true) != test.everything {
			t.Errorf("%s: %v, with everything %v", test.name, idle(test.name, false), idle(test.name, true))
		}
	}
}
