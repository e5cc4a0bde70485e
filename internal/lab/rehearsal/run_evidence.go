package rehearsal

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Format is that of a file of evidence: JSON lines, plain or compressed by gzip
// (docs/formats/rehearsal.md). Every line stands by itself, so that what was
// written before a crash can be judged like the rest.
const Format = "holdfast-rehearsal/1"

// line is one line of it; one of the fields is there.
type line struct {
	// Rehearsal begins the file: all that is known before the play begins.
	Rehearsal *holdfast.Rehearsal    `json:"rehearsal,omitempty"`
	Actor     *holdfast.Actor        `json:"actor,omitempty"`
	Served    *holdfast.Sample       `json:"served,omitempty"`
	Sample    *holdfast.Sample       `json:"sample,omitempty"`
	State     *holdfast.StateSample  `json:"state,omitempty"`
	Signal    *holdfast.SignalSample `json:"signal,omitempty"`
	Acted     *holdfast.Acted        `json:"acted,omitempty"`
	Queries   *holdfast.QueryCount   `json:"queries,omitempty"`
	// Again says that what a line said, counted from zero, was seen once more.
	Again *again `json:"again,omitempty"`
	// Began is when the play began, Finished when it came to its end.
	Began    *time.Time `json:"began,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
}

// again is short, for most lines are such.
type again struct {
	Line  int           `json:"line"`
	After time.Duration `json:"after_ns"`
}

// recorder writes evidence as it comes. What was said before is only referred to.
type recorder struct {
	mu    sync.Mutex
	out   io.Writer
	hide  *strings.Replacer // of folders that stand for themselves only
	lines int               // written; owned by mu
	last  map[string]spoken // by what it is about; owned by mu
	err   error             // the first; owned by mu
}

// spoken is what was said last of something, and in which line.
type spoken struct {
	says string
	line int
}

// newRecorder makes one; in what it writes, folder is called /play.
func newRecorder(out io.Writer, folder string) *recorder {
	if folder == "" {
		folder = "/play"
	}
	return &recorder{out: out, last: map[string]spoken{}, hide: strings.NewReplacer(folder, "/play")}
}

// put writes a line, whole, and gives its number.
func (r *recorder) put(l line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(l)
}

func (r *recorder) write(l line) int {
	text, err := json.Marshal(l)
	if err == nil && r.err == nil {
		_, err = io.WriteString(r.out, r.hide.Replace(string(text))+"\n")
	}
	r.err = errors.Join(r.err, err)
	r.lines++
	return r.lines - 1
}

// failed is why nothing is written any more.
func (r *recorder) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// putOnce writes a line only where what it is about says something else than the
// last time.
func (r *recorder) putOnce(about, says string, after time.Duration, l line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, known := r.last[about]; known && last.says == says {
		r.write(line{Again: &again{last.line, after}})
		return
	}
	r.last[about] = spoken{says, r.write(l)}
}

// putNews is putOnce for what is only worth a line where it is news.
func (r *recorder) putNews(about, says string, l line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, known := r.last[about]; !known || last.says != says {
		r.last[about] = spoken{says, r.write(l)}
	}
}

// essence is an exchange without what differs each time: the id, the times, the
// octets of signatures.
func essence(e holdfast.Exchange) string {
	m, err := wire.Parse(e.Reply)
	if e.Reply == nil || err != nil {
		return fmt.Sprint(e.Outcome, " ", len(e.Reply))
	}
	var b strings.Builder
	fmt.Fprint(&b, e.Outcome, e.Transport, m.Rcode, m.AuthenticatedData, m.Authoritative, m.Truncated, m.RecursionAvailable)
	if m.EDNS != nil {
		for _, ede := range m.EDNS.EDE {
			fmt.Fprint(&b, " ", ede.Code, ede.Text)
		}
	}
	var records []string
	for _, r := range m.Answer {
		if sig, err := r.RRSIG(); err == nil {
			records = append(records, fmt.Sprint(r.Name, r.Type, sig.Covered, sig.Algorithm, sig.KeyTag, sig.Signer))
			continue
		}
		records = append(records, fmt.Sprintf("%s %s %x", r.Name, r.Type, r.Data))
	}
	slices.Sort(records) // resolvers turn them about
	return b.String() + strings.Join(records, " ")
}

// Bounds of reading evidence.
const (
	maxRecord   = 4 << 20
	maxRecords  = 4 << 20
	maxEvidence = 1 << 30 // uncompressed
)

// Read reads a file of evidence. One that was cut short gives what it has, and its
// Finished is zero. Errors name the file and the line.
func Read(in io.Reader, file string) (holdfast.Rehearsal, error) {
	buffered := bufio.NewReader(in)
	var source io.Reader = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return holdfast.Rehearsal{}, fmt.Errorf("read rehearsal: %s: %w", file, err)
		}
		source = unzipped
	}
	lines := bufio.NewScanner(io.LimitReader(source, maxEvidence))
	lines.Buffer(make([]byte, 1<<16), maxRecord)
	r := reading{places: map[int]place{}}
	for lines.Scan() {
		if err := r.take(lines.Bytes()); err != nil {
			return r.out, fmt.Errorf("read rehearsal: %s:%d: %w", file, r.lines+1, err)
		}
		if r.lines++; r.lines > maxRecords {
			return r.out, fmt.Errorf("read rehearsal: %s:%d: more lines than any rehearsal has", file, r.lines)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return r.out, fmt.Errorf("read rehearsal: %s:%d: %w", file, r.lines+1, err)
	}
	if r.lines == 0 {
		return r.out, fmt.Errorf("read rehearsal: %s: it is empty", file)
	}
	return r.out, nil
}

// reading puts a rehearsal together from its lines.
type reading struct {
	out    holdfast.Rehearsal
	lines  int
	places map[int]place // by line, of what may come again
	torn   error         // of a line that cannot be read, and must be the last
}

// place is where a sample stands.
type place struct {
	in *[]holdfast.Sample
	at int
	of int // of Signals, where in is nil
}

func (r *reading) take(text []byte) error {
	if r.torn != nil {
		return r.torn
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		// Whoever wrote it may have been killed within the line.
		if r.torn = err; r.lines == 0 {
			return err
		}
		return nil
	}
	if (r.lines == 0) != (l.Rehearsal != nil) {
		return fmt.Errorf("want a line %q, first of all and once", "rehearsal")
	}
	switch {
	case l.Rehearsal != nil:
		if l.Rehearsal.Format != Format {
			return fmt.Errorf("its format is %q, and not %q", l.Rehearsal.Format, Format)
		}
		r.out = *l.Rehearsal
	case l.Began != nil:
		r.out.Started = *l.Began
	case l.Finished != nil:
		r.out.Finished = *l.Finished
	case l.Actor != nil:
		r.actor(*l.Actor)
	case l.Served != nil:
		r.places[r.lines] = place{in: &r.out.Served, at: len(r.out.Served)}
		r.out.Served = append(r.out.Served, *l.Served)
	case l.Sample != nil:
		r.places[r.lines] = place{in: &r.out.Samples, at: len(r.out.Samples)}
		r.out.Samples = append(r.out.Samples, *l.Sample)
	case l.Signal != nil:
		r.places[r.lines] = place{of: len(r.out.Signals)}
		r.out.Signals = append(r.out.Signals, *l.Signal)
	case l.State != nil:
		r.out.States = append(r.out.States, *l.State)
	case l.Acted != nil:
		r.out.Acts = append(r.out.Acts, *l.Acted)
	case l.Queries != nil:
		r.out.Queries = append(r.out.Queries, *l.Queries)
	case l.Again != nil:
		return r.again(*l.Again)
	}
	return nil
}

// actor takes what is known of an actor, in the place of what was known before.
func (r *reading) actor(a holdfast.Actor) {
	i := slices.IndexFunc(r.out.Actors, func(o holdfast.Actor) bool { return o.Name == a.Name })
	if i < 0 {
		r.out.Actors = append(r.out.Actors, a)
		return
	}
	r.out.Actors[i] = a
}

func (r *reading) again(a again) error {
	p, ok := r.places[a.Line]
	if !ok {
		return fmt.Errorf("it says again what line %d did not say", a.Line+1)
	}
	if p.in != nil {
		s := &(*p.in)[p.at]
		s.Last, s.Times = a.After, max(s.Times, 1)+1
		return nil
	}
	s := &r.out.Signals[p.of]
	s.Last, s.Times = a.After, max(s.Times, 1)+1
	return nil
}

// Write writes a rehearsal as a compressed file of evidence. What came again and
// again is one line.
func Write(out io.Writer, r holdfast.Rehearsal) error {
	zipped, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	rec := newRecorder(zipped, "")
	head := r
	head.Actors, head.Served, head.Samples, head.States, head.Signals, head.Acts, head.Queries = nil, nil, nil, nil, nil, nil, nil
	rec.put(line{Rehearsal: &head})
	putAll(rec, r.Actors, func(v *holdfast.Actor) line { return line{Actor: v} })
	putAll(rec, r.Served, func(v *holdfast.Sample) line { return line{Served: v} })
	putAll(rec, r.Samples, func(v *holdfast.Sample) line { return line{Sample: v} })
	putAll(rec, r.States, func(v *holdfast.StateSample) line { return line{State: v} })
	putAll(rec, r.Signals, func(v *holdfast.SignalSample) line { return line{Signal: v} })
	putAll(rec, r.Acts, func(v *holdfast.Acted) line { return line{Acted: v} })
	putAll(rec, r.Queries, func(v *holdfast.QueryCount) line { return line{Queries: v} })
	if err := errors.Join(rec.failed(), zipped.Close()); err != nil {
		return fmt.Errorf("write rehearsal: %w", err)
	}
	return nil
}

func putAll[T any](rec *recorder, values []T, of func(*T) line) {
	for i := range values {
		rec.put(of(&values[i]))
	}
}
