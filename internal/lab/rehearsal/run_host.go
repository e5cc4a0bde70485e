package rehearsal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab/resolvers"
)

// Host performs plays in namespaces of their own.
type Host struct {
	// Program and Args are a command that does nothing but to call Attend.
	Program string
	Args    []string
	// Folder is where evidence is kept: PLAY.jsonl while it plays, PLAY.jsonl.gz
	// when it has.
	Folder string
	// Tell is told how far a play is; calls come one after the other. It may be nil.
	Tell func(Progress)
}

// Progress is how far a play is.
type Progress struct {
	Play  string
	Actor *holdfast.Actor // it is ready, or is skipped
	Step  *holdfast.PlayStep
	After time.Duration // since the play began; zero before
}

// ErrNamespace says that a play needs what the machine does not give.
var ErrNamespace = errors.New("a namespace of one's own cannot be had")

// Perform performs one play and gives its evidence and where it is kept. When it
// fails or is interrupted, what was seen until then is in the file all the same.
func (h Host) Perform(ctx context.Context, job Job) (holdfast.Rehearsal, string, error) {
	folder, err := os.MkdirTemp("", "holdfast-rehearsal-")
	if err != nil {
		return holdfast.Rehearsal{}, "", fmt.Errorf("perform play %s: %w", job.Play.Name, err)
	}
	defer os.RemoveAll(folder)
	job.Folder = folder
	raw := filepath.Join(h.Folder, job.Play.Name+".jsonl")
	if err := h.keep(ctx, job, raw); err != nil {
		return holdfast.Rehearsal{}, raw, fmt.Errorf("perform play %s: %w", job.Play.Name, err)
	}
	r, kept, err := compress(raw)
	if err == nil && r.Finished.IsZero() {
		err = errors.New("it did not come to its end")
	}
	if err != nil {
		return r, kept, fmt.Errorf("perform play %s: %w", job.Play.Name, err)
	}
	return r, kept, nil
}

// keep runs the performance and writes what it says into a file, line by line.
func (h Host) keep(ctx context.Context, job Job, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	order, err := json.Marshal(job)
	if err != nil {
		return err
	}
	var complaint bytes.Buffer
	cmd := resolvers.Inside(ctx, h.Program, h.Args...)
	cmd.Stderr = &complaint
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: %w", ErrNamespace, err)
	}
	// Standard input stays open: that it ends tells the other side that we did.
	_, written := stdin.Write(append(order, '\n'))
	copied := h.copy(out, stdout, job)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %s", err, lastLines(complaint.String()))
	}
	return errors.Join(written, copied, out.Close())
}

// lastLines is the end of what a program complained about.
func lastLines(text string) string {
	const most = 2000
	return strings.TrimSpace(text[max(0, len(text)-most):])
}

// copy keeps every line and tells of those that are news.
func (h Host) copy(out io.Writer, in io.Reader, job Job) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), maxRecord)
	told := -1
	for lines.Scan() {
		if _, err := out.Write(append(lines.Bytes(), '\n')); err != nil {
			return err
		}
		if h.Tell != nil {
			told = h.tell(lines.Bytes(), job.Play, told)
		}
	}
	return lines.Err()
}

// tell reads from a line how far the play is; told is the step told last.
func (h Host) tell(text []byte, play holdfast.Play, told int) int {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return told
	}
	p := Progress{Play: play.Name, Actor: l.Actor}
	switch {
	case l.Sample != nil:
		p.After = l.Sample.After
	case l.Again != nil:
		p.After = l.Again.After
	case l.Served != nil:
		p.After = l.Served.After
	case l.Began == nil && l.Actor == nil:
		return told
	}
	if l.Actor == nil {
		for i := len(play.Steps) - 1; i > told; i-- {
			if play.Steps[i].At <= p.After {
				told, p.Step = i, &play.Steps[i]
			}
		}
	}
	h.Tell(p)
	return told
}

// compress reads raw evidence and keeps it in its short form instead.
func compress(raw string) (holdfast.Rehearsal, string, error) {
	in, err := os.Open(raw)
	if err != nil {
		return holdfast.Rehearsal{}, raw, err
	}
	defer in.Close()
	r, err := Read(in, raw)
	if err != nil {
		return r, raw, err
	}
	var text bytes.Buffer
	if err := Write(&text, r); err != nil {
		return r, raw, err
	}
	kept := raw + ".gz"
	if err := os.WriteFile(kept, text.Bytes(), 0o644); err != nil {
		return r, raw, err
	}
	return r, kept, os.Remove(raw)
}

// Attend is the other side of Host.Perform: it reads a job, performs it and writes
// the evidence, until the play or its input ends.
func Attend(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader := bufio.NewReader(in)
	text, err := reader.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("attend rehearsal: want a job on standard input: %w", err)
	}
	var job Job
	if err := json.Unmarshal(text, &job); err != nil {
		return fmt.Errorf("attend rehearsal: the job: %w", err)
	}
	if os.Getpid() != 1 {
		return errors.New("attend rehearsal: this is not a namespace of its own")
	}
	go func() {
		_, _ = io.Copy(io.Discard, reader) // ends when whoever started us does
		cancel()
	}()
	return Perform(ctx, job, out)
}
