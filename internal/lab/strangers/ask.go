package strangers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Resolver is a validating resolver that runs.
type Resolver struct {
	Name string
	At   netip.AddrPort
}

// Found is what a validator made of a question: Rcode is empty where the
// program does not say it.
type Found struct {
	Status holdfast.Status
	Rcode  string
}

func (f Found) String() string { return strings.TrimSpace(string(f.Status) + " " + f.Rcode) }

// Finds asks a resolver: AD is secure, SERVFAIL bogus, neither insecure. What
// it calls bogus it must give with CD, so that no other trouble is taken for
// that; where it cannot, the status is indeterminate.
func (r Resolver) Finds(t testing.TB, name string, kind wire.Type) Found {
	t.Helper()
	m, err := r.ask(t.Context(), name, kind, false)
	if err != nil {
		t.Errorf("%s %s %s: %v", r.Name, name, kind, err)
		return Found{}
	}
	switch {
	case m.Rcode == wire.ServFail:
		if again, err := r.ask(t.Context(), name, kind, true); err != nil || again.Rcode == wire.ServFail {
			t.Logf("%s %s %s fails with CD too: %v %+v", r.Name, name, kind, err, again)
			return Found{Status: holdfast.Indeterminate}
		}
		return Found{Status: holdfast.Bogus}
	case m.AuthenticatedData:
		return Found{holdfast.Secure, wire.RcodeName(m.Rcode)}
	}
	return Found{holdfast.Insecure, wire.RcodeName(m.Rcode)}
}

// ask puts a question over TCP, where nothing is lost or cut.
func (r Resolver) ask(ctx context.Context, name string, kind wire.Type, cd bool) (*wire.Message, error) {
	query := wire.NewQuery(uint16(time.Now().UnixNano()), holdfast.Question{Name: holdfast.Name(name), Type: uint16(kind)})
	query.RecursionDesired, query.CheckingDisabled = true, cd
	packet, err := query.Pack()
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", r.At.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return nil, err
	}
	m, err := wire.Parse(reply)
	if err == nil && !m.Matches(query) {
		err = errors.New("the reply is to another question")
	}
	return m, err
}

// await waits until the resolver has resolved the root.
func (r Resolver) await(t testing.TB) {
	t.Helper()
	var err error
	for range 200 {
		var m *wire.Message
		if m, err = r.ask(t.Context(), ".", wire.TypeSOA, false); err == nil && m.Rcode == wire.NoError {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not answer for the root: %v", r.Name, err)
}

// Delv is ISC's validator. Via only carries for it (CD).
type Delv struct {
	Via     Resolver
	program string
	anchors string
}

// NewDelv makes one that trusts the world's anchor.
func NewDelv(t testing.TB, w World, via Resolver) Delv {
	t.Helper()
	ds, err := w.anchor(t, wire.TypeDS).DS()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("trust-anchors { . static-ds %d %d %d \"%X\"; };\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	return Delv{Via: via, program: Need(t, "delv"), anchors: write(t, t.TempDir(), "anchors", text)}
}

// Finds has delv validate one answer.
func (d Delv) Finds(t testing.TB, name string, kind wire.Type) Found {
	t.Helper()
	out, err := exec.Command(d.program, "-a", d.anchors, "+root=.", "+cdflag", "-p", fmt.Sprint(d.Via.At.Port()), "@"+d.Via.At.Addr().String(), name, kind.String()).CombinedOutput()
	text := string(out)
	rcode := ""
	switch {
	case strings.Contains(text, "ncache nxdomain"):
		rcode = "NXDOMAIN"
	case strings.Contains(text, "ncache nxrrset"):
		rcode = "NOERROR"
	}
	_, failure, _ := strings.Cut(text, "resolution failed: ")
	failure, _, _ = strings.Cut(failure, "\n")
	switch {
	case failure == "failure", failure == "timed out", failure == "SERVFAIL":
		t.Logf("delv %s %s comes to nothing:\n%s", name, kind, text)
		return Found{Status: holdfast.Indeterminate}
	case failure != "" && !strings.HasPrefix(failure, "ncache "):
		// An alias before it may have been found good.
		return Found{Status: holdfast.Bogus}
	case strings.Contains(text, "unsigned answer"):
		return Found{holdfast.Insecure, rcode}
	case strings.Contains(text, "fully validated"):
		return Found{holdfast.Secure, rcode}
	case failure != "":
		return Found{Status: holdfast.Bogus} // a negative answer that it did not believe
	}
	t.Errorf("delv %s %s: %v\n%s", name, kind, err, text)
	return Found{}
}
