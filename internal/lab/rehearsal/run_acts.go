package rehearsal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
)

// act carries out what a step orders, in its order for each resolver, all resolvers
// at once. Looks go on meanwhile.
func (s *stage) act(ctx context.Context, work *sync.WaitGroup, step holdfast.PlayStep) {
	for _, act := range step.Acts {
		if act.Do == holdfast.ActFault || act.Do == holdfast.ActRepair {
			// The lab's plan holds them since before the play: they come by its clock.
			s.rec.put(line{Acted: &holdfast.Acted{After: step.At, Act: act}})
		}
	}
	if len(step.Acts) == 0 {
		return
	}
	for _, a := range s.actors {
		work.Go(func() {
			defer a.order()()
			for _, act := range step.Acts {
				a.act(ctx, act)
			}
			a.awake(ctx)
		})
	}
}

// errNotForIt says that an act does not concern a resolver.
var errNotForIt = errors.New("not for this resolver")

func (a *actor) act(ctx context.Context, act holdfast.PlayAct) {
	acted := holdfast.Acted{After: a.stage.since(), Actor: a.who.Name, Act: act}
	err := a.carryOut(ctx, act, &acted)
	if errors.Is(err, errNotForIt) {
		return
	}
	if err != nil {
		acted.Exit, acted.Said = max(acted.Exit, 1), acted.Said+err.Error()
	}
	a.stage.rec.put(line{Acted: &acted})
}

func (a *actor) carryOut(ctx context.Context, act holdfast.PlayAct, acted *holdfast.Acted) error {
	switch act.Do {
	case holdfast.ActStop:
		return a.daemon.Stop()
	case holdfast.ActStart:
		return a.daemon.Start()
	case holdfast.ActRestart:
		return a.again(func() error { return nil })
	case holdfast.ActFlush:
		return a.again(a.daemon.Forget)
	case holdfast.ActReset:
		return a.again(a.daemon.Reset)
	case holdfast.ActClock:
		return a.again(func() error { return a.setClock(act.With) })
	case holdfast.ActTamper:
		return a.tamper(act.With)
	case holdfast.ActBootstrap:
		return a.bootstrap(ctx, act.With, acted)
	}
	return errNotForIt
}

// again stops the resolver, does something and starts it.
func (a *actor) again(between func() error) error {
	if err := a.daemon.Stop(); err != nil {
		return err
	}
	if err := between(); err != nil {
		return err
	}
	return a.daemon.Start()
}

// setClock has the resolver's clock be off by an offset from its next start on.
func (a *actor) setClock(offset string) error {
	by, err := parseOffset(offset)
	if err != nil {
		return err
	}
	if by == 0 || a.stage.clock.leaper != nil {
		a.daemon.Setting.Env = a.env // a play whose clocks leap has no other
		return nil
	}
	library, err := resolvers.FaketimeLibrary()
	if err != nil {
		return err
	}
	a.daemon.Setting.Env = resolvers.FaketimeBy(library, by)
	return nil
}

// filler is the file that fills a disk.
const filler = "filler"

// tamper damages the files that the resolver keeps its anchors in, or their folder.
func (a *actor) tamper(how string) error {
	files := a.daemon.StateFiles()
	if len(files) == 0 {
		return errNotForIt
	}
	folder := filepath.Dir(files[0])
	switch how {
	case "read-only":
		return resolvers.ReadOnly(folder, true)
	case "writable":
		return resolvers.ReadOnly(folder, false)
	case "full":
		return fill(filepath.Join(folder, filler))
	case "room":
		return os.Remove(filepath.Join(folder, filler))
	}
	for _, file := range files {
		if err := damage(file, how); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// damage writes into a file of a resolver of ours.
func damage(file, how string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	switch how {
	case "half":
		return os.Truncate(file, info.Size()/2)
	case "empty":
		return os.Truncate(file, 0)
	case "missing":
		return os.Remove(file)
	case "garbage":
		noise := make([]byte, max(info.Size(), 64))
		rand.Read(noise)
		return os.WriteFile(file, noise, 0o644)
	}
	return fmt.Errorf("tamper %q: it is not known how", how)
}

// fill writes until the disk is full.
func fill(file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	block := make([]byte, 4096)
	for size := 0; size <= 2*stateDisk; size += len(block) {
		if _, err := out.Write(block); errors.Is(err, syscall.ENOSPC) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return errors.New("fill disk: it has more room than it should")
}

// parseOffset reads +2m, -1d or +0s.
func parseOffset(text string) (time.Duration, error) {
	sign := time.Duration(1)
	if len(text) < 2 || text[0] != '+' && text[0] != '-' {
		return 0, fmt.Errorf("clock offset %q: want one such as +2m or -1d", text)
	}
	if text[0] == '-' {
		sign = -1
	}
	var d holdfast.Duration
	if err := d.UnmarshalText([]byte(text[1:])); err != nil {
		return 0, err
	}
	return sign * d.Of(), nil
}
