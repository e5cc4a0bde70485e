package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// Bounds of a resolver's own tool.
const (
	runningWait = 10 * time.Second
	maxSaid     = 1 << 20 // octets
)

// askRunning asks a BIND that runs here what it trusts and what it waits for:
// its state file may lag behind, and its status names keys as trusted that it
// has not loaded. Both commands only read. What cannot be asked is noted; the
// files then have the last word.
func askRunning(ctx context.Context, m *holdfast.Machine) {
	for n, i := range m.Resolvers {
		if i.Software != holdfast.BIND || i.Validates == holdfast.ValidationOff {
			continue
		}
		for k, way := range i.Anchorings {
			if way.Upkeep != holdfast.UpkeepFollow {
				continue
			}
			point, err := running(ctx, i.Instance)
			if err != nil {
				m.Unread = append(m.Unread, holdfast.Unread{Path: "rndc", Why: err.Error()})
				continue
			}
			m.Resolvers[n].Anchorings[k].Point = point
			m.Resolvers[n].Anchorings[k].Form = string(anchor.FormStatus)
			m.Resolvers[n].Anchorings[k].Trouble = ""
		}
	}
}

// running is the trust point of the root as rndc tells it: keys and times as
// the status has them, and of those that are said to be trusted only the ones
// that the secure roots confirm.
func running(ctx context.Context, instance string) (holdfast.TrustPoint, error) {
	status, err := rndcSays(ctx, anchor.FormStatus, "managed-keys", "status")
	if err != nil {
		return holdfast.TrustPoint{}, err
	}
	loaded, err := rndcSays(ctx, anchor.FormSecroots, "secroots", "-")
	if err != nil {
		return holdfast.TrustPoint{}, err
	}
	point, ok := rootOf(status, instance)
	if !ok {
		return point, errors.New("rndc managed-keys status: it names no keys of the root")
	}
	trusted, _ := rootOf(loaded, instance)
	if len(point.Keys) == 0 {
		// It has only begun, and the status has nothing to say of a key yet.
		point.Keys = trusted.Keys
		return point, nil
	}
	for n := range point.Keys {
		k := &point.Keys[n]
		k.Place = "rndc managed-keys status"
		if k.State.Trusted() && !hasTag(trusted.Keys, k.Tag) {
			k.State, k.Hold = holdfast.KeyAddPend, k.Since
		}
	}
	return point, nil
}

// rootOf is the trust point of the root, of a view where one is named.
func rootOf(file *anchor.File, instance string) (holdfast.TrustPoint, bool) {
	for _, p := range file.Points {
		if p.Zone == holdfast.Root && (instance == "" || p.View == "" || instance == "view "+p.View) {
			return p, true
		}
	}
	return holdfast.TrustPoint{}, false
}

func hasTag(keys []holdfast.TrustedKey, tag uint16) bool {
	for _, k := range keys {
		if k.Tag == tag {
			return true
		}
	}
	return false
}

// rndcSays runs rndc and reads what it says.
func rndcSays(ctx context.Context, form anchor.Form, args ...string) (*anchor.File, error) {
	ctx, cancel := context.WithTimeout(ctx, runningWait)
	defer cancel()
	command := exec.CommandContext(ctx, "rndc", args...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("run rndc %s: %w: %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return anchor.Parse(form, "rndc "+args[0], out.Bytes()[:min(out.Len(), maxSaid)])
}
