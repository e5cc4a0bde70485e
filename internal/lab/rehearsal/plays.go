package rehearsal

import (
	"embed"
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
)

//go:embed plays/*.play
var embedded embed.FS

// order is that in which a newcomer meets the plays: those that go well, those
// that must fail (N), those of what befalls machines (E), and of what befalls
// the root. A test holds that it names all of them.
var order = []string{
	"plain", "back-out", "algorithm-roll", "zsk-1536",
	"n1-early-switch", "n2-revoke-unsigned", "n3-withdrawn", "n4-no-trusted-signature", "n5-mixed-algorithms", "n6-only-anchor-revoked", "n7-offline", "n7-ephemeral",
	"e8-query-flood", "e9-bootstrap-rfc7958", "e9-bootstrap-rfc9718", "e9-bootstrap-mixed", "e10-read-only", "e10-full-disk", "e11-restart",
	"e12-clock-behind", "e12-clock-ahead", "e13-revoked-returns", "e14-state-file", "e15-unknown-ca", "e15-expired-signer",
	"tag-collision", "tag-stranger", "tag-stranger-ds", "tcp-blocked",
}

// PlayNames are the names of the plays that come with the program.
func PlayNames() []string { return slices.Clone(order) }

// Embedded is one of the plays that come with the program.
func Embedded(name string) (holdfast.Play, error) {
	if !slices.Contains(order, name) {
		return holdfast.Play{}, fmt.Errorf("play %q: no play of that name comes with the program", name)
	}
	file := "plays/" + name + ".play"
	in, err := embedded.Open(file)
	if err != nil {
		return holdfast.Play{}, fmt.Errorf("play %s: %w", name, err)
	}
	defer in.Close()
	return Parse(in, file)
}

// Plays are all that come with the program, in order.
func Plays() ([]holdfast.Play, error) {
	out := make([]holdfast.Play, 0, len(order))
	for _, name := range order {
		play, err := Embedded(name)
		if err != nil {
			return nil, err
		}
		out = append(out, play)
	}
	return out, nil
}
