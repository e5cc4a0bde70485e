package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/app"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// bedStage is a test bed that a scenario runs, with a clock that goes by itself
// and can be moved forward.
type bedStage struct {
	clock *lab.Clock
	page  string       // its address
	last  atomic.Value // the last line that it said
	stop  context.CancelFunc
	done  chan app.Exit
}

// testbedCommand is `holdfast testbed serve` beside the scenario.
func testbedCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "testbed up CONFIG | down | advance DURATION")
	s := stageOf(ts)
	switch {
	case args[0] == "up" && len(args) == 2:
		if s.bed.clock == nil {
			s.bed.clock = lab.NewClock(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC), 1)
		}
		ts.Check(s.bed.up(ts.MkAbs(args[1])))
	case args[0] == "down":
		ts.Check(s.bed.down())
	case args[0] == "advance" && len(args) == 2:
		var d holdfast.Duration
		ts.Check(d.UnmarshalText([]byte(args[1])))
		s.bed.clock.Advance(d.Of())
	default:
		ts.Fatalf("usage: testbed up CONFIG | down | advance DURATION")
	}
}

// up starts it, and answers once its page is there.
func (b *bedStage) up(config string) error {
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	world := app.World{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: in, Clock: b.clock, Vantage: "scenario"}
	b.stop, b.done = stop, make(chan app.Exit, 1)
	go func() {
		exit := run(ctx, []string{"testbed", "serve", "--config", config}, world)
		in.Close()
		b.done <- exit
	}()
	found := make(chan string, 1)
	go func() { // reads until it ends, so that it never waits for a reader
		var said strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fmt.Fprintln(&said, lines.Text())
			b.last.Store(lines.Text())
			if address, ok := strings.CutPrefix(lines.Text(), "the page is on "); ok {
				found <- strings.TrimSuffix(address, "/")
			}
		}
		found <- "it ended: " + said.String()
	}()
	select {
	case b.page = <-found:
	case <-time.After(30 * time.Second):
		b.page = "nothing was said of a page"
	}
	if !strings.HasPrefix(b.page, "http://") {
		return errors.New(b.page)
	}
	return nil
}

func (b *bedStage) down() error {
	if b.stop == nil {
		return nil
	}
	b.stop()
	b.stop = nil
	if exit := <-b.done; exit != app.Healthy {
		return fmt.Errorf("testbed serve: exit %d: %v", exit, b.last.Load())
	}
	return nil
}

// pageCommand prints a page; with KEY=VALUE it sends a form. "! page" wants an
// answer other than 200.
func pageCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: page PATH [KEY=VALUE...]")
	}
	address := stageOf(ts).bed.page + os.Expand(args[0], ts.Getenv)
	var answer *http.Response
	var err error
	if len(args) == 1 {
		answer, err = http.Get(address)
	} else {
		form := url.Values{}
		for _, arg := range args[1:] {
			key, value, _ := strings.Cut(arg, "=")
			form.Set(key, value)
		}
		answer, err = http.PostForm(address, form)
	}
	ts.Check(err)
	defer answer.Body.Close()
	_, err = io.Copy(ts.Stdout(), io.LimitReader(answer.Body, 1<<20))
	ts.Check(err)
	if neg == (answer.StatusCode == http.StatusOK) {
		ts.Fatalf("%s: %s", args[0], answer.Status)
	}
}

// awaitCommand waits until so many mails have been taken, and sees that no more
// come at once.
func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "await N")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	for end := time.Now().Add(30 * time.Second); len(stageOf(ts).post.all()) < want && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if got := len(stageOf(ts).post.all()); got != want {
		ts.Fatalf("%d mails came, want %d", got, want)
	}
}

var pathInMail = regexp.MustCompile(`https?://[^/\s<>]+(/\S*\?[^\s<>]+)`)

// linkCommand sets a variable to the path of the first link with a query in the
// Nth mail.
func linkCommand(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "link N VARIABLE")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	mails := stageOf(ts).post.all()
	if n < 1 || n > len(mails) {
		ts.Fatalf("there are %d mails", len(mails))
	}
	_, body, _ := strings.Cut(mails[n-1].raw, "\r\n\r\n")
	found := pathInMail.FindStringSubmatch(strings.ReplaceAll(strings.ReplaceAll(body, "=\r\n", ""), "=3D", "="))
	if found == nil {
		ts.Fatalf("mail %d has no link", n)
	}
	ts.Setenv(args[1], found[1])
}
