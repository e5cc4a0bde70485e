package rehearsal

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// performer names, in the environment, a process of these tests that performs.
const performer = "HOLDFAST_PERFORMER"

func TestMain(m *testing.M) {
	if os.Getenv(performer) != "" {
		if err := Attend(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTry(t *testing.T) {
	t.Setenv(performer, "1")
	name := os.Getenv("TRY")
	if name == "" {
		t.Skip()
	}
	play, err := Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	host := Host{Program: os.Args[0], Folder: os.Getenv("TRYDIR"), Tell: func(p Progress) {
		if p.Step != nil || p.Actor != nil {
			t.Logf("%s %s %v %v", time.Now().Format("05.000"), p.After, p.Step, p.Actor)
		}
	}}
	r, file, err := host.Perform(t.Context(), Job{Play: play, Clock: Accelerated, Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d served %d samples %d states %d signals %v", file, len(r.Served), len(r.Samples), len(r.States), len(r.Signals), r.Queries)
}
