package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/holdfastdns/holdfast"
)

// act is one line of the demo's story: what happens in the lab, when, and
// where it is to be seen.
type act struct {
	at         time.Duration // of the visitor's time, from the start
	page, text string
}

// acts reads the lines "#> +9h PAGE TEXT" of the demo's faults. Hours are the
// lab's; they come back in order. To the lab itself such lines are comments.
func acts(faults string) ([]act, error) {
	var out []act
	for line := range strings.Lines(faults) {
		line, found := strings.CutPrefix(strings.TrimSpace(line), "#>")
		if !found {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 {
			return nil, fmt.Errorf("demo.lab: %q: want an hour, a page and a text", line)
		}
		at, err := time.ParseDuration(words[0])
		if err != nil {
			return nil, fmt.Errorf("demo.lab: %q: %w", line, err)
		}
		out = append(out, act{at / demoRate, words[1], strings.Join(words[2:], " ")})
	}
	slices.SortStableFunc(out, func(a, b act) int { return cmp.Compare(a.at, b.at) })
	return out, nil
}

// narrator says on the terminal what happens and what mails arrive, so that a
// visitor knows when to look and where. Its minutes are the visitor's, counted
// from the lab's start.
type narrator struct {
	out     io.Writer
	mailbox *mailbox
	clock   holdfast.Clock // the lab's
	start   time.Time      // by the lab's clock
	base    string         // the page's address
	acts    []act
	told    int           // number of the last letter told
	others  int           // letters about other zones, not yet told
	counted time.Duration // when the others were last told
}

func newNarrator(out io.Writer, m *mailbox, clock holdfast.Clock, start time.Time, base string) (*narrator, error) {
	all, err := acts(demoFaults)
	return &narrator{out: out, mailbox: m, clock: clock, start: start, base: base, acts: all}, err
}

// othersEvery is how often the mails that belong to no story are counted.
const othersEvery = 20 * time.Second

func (n *narrator) run(ctx context.Context) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			n.tell(n.clock.Now().Sub(n.start) / demoRate)
		}
	}
}

// tell says what is new, in the order in which it happened as far as is known.
func (n *narrator) tell(since time.Duration) {
	minute := fmt.Sprintf("%d:%02d", int(since.Minutes()), int(since.Seconds())%60)
	for ; len(n.acts) > 0 && n.acts[0].at <= since; n.acts = n.acts[1:] {
		fmt.Fprintf(n.out, "%s  %s\n      look at %s%s\n", minute, n.acts[0].text, n.base, n.acts[0].page)
	}
	letters := n.mailbox.letters()
	for i := len(letters) - 1; i >= 0; i-- {
		l := letters[i]
		if l.Number <= n.told {
			continue
		}
		n.told = l.Number
		if !ofStory(l.Subject) {
			n.others++
			continue
		}
		to, _, _ := strings.Cut(l.To, "@")
		fmt.Fprintf(n.out, "%s    mail to %s: %s\n", minute, to, shorten(bare(l.Subject), 80))
	}
	if n.others > 0 && since-n.counted >= othersEvery {
		plural := "s"
		if n.others == 1 {
			plural = ""
		}
		fmt.Fprintf(n.out, "%s    and %d mail%s about other zones: %smailbox\n", minute, n.others, plural, n.base)
		n.others, n.counted = 0, since
	}
}

// ofStory says whether a mail belongs to what the terminal tells.
func ofStory(subject string) bool {
	for _, zone := range storyZones {
		if strings.Contains(subject, " ."+zone+":") {
			return true
		}
	}
	return false
}

// bare is a subject without the tag that all of them bear.
func bare(subject string) string { return strings.TrimPrefix(subject, "[Holdfast] ") }

// shorten cuts a text behind so many characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
