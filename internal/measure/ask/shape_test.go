package ask

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// A question of a shape of its own arrives as it was made, and one that is
// sent once is sent once.
func TestShapeArrives(t *testing.T) {
	arrived := make(chan []byte, 8)
	s := (&server{
		onUDP: one(func(query []byte) []byte { arrived <- query; return truncated(query) }),
		onTCP: func([]byte) []byte { t.Error("asked over TCP"); return nil },
	}).start(t)
	q := theQuestion
	q.Shape, q.Once = wire.Shape{MixedCase: true, Recursion: true}, true
	e := s.asker(t).Ask(t.Context(), q)
	want{outcome: holdfast.Answered, transport: holdfast.UDP, tries: 1, reply: true}.check(t, e)
	query := <-arrived
	if !bytes.Equal(query, e.Query) || string(wire.Spelling(query)) != "\x07ExAmPlE\x00" || query[2]&1 == 0 {
		t.Errorf("arrived %x, kept %x", query, e.Query)
	}
	silent := (&server{onTCP: func([]byte) []byte { t.Error("asked over TCP"); return nil }}).start(t)
	want{outcome: holdfast.Timeout, transport: holdfast.UDP, tries: 1}.check(t, silent.asker(t).Ask(t.Context(), q))
}

// A reply to two questions may hold both or the first; one that holds more
// than was asked is none of ours.
func TestRepliesToTwoQuestions(t *testing.T) {
	for count, outcome := range map[byte]holdfast.Outcome{1: holdfast.Answered, 2: holdfast.Answered, 3: holdfast.Timeout} {
		s := (&server{onUDP: one(func(query []byte) []byte {
			reply := bytes.Clone(query)
			reply[2] |= 0x80
			reply[3] |= wire.FormErr
			reply[5], reply[11] = count, 0
			end := 12 + int(count)*(len("example")+2+4)
			return append(reply[:min(end, len(reply))], make([]byte, max(0, end-len(reply)))...)
		})}).start(t)
		q := theQuestion
		q.Shape, q.Once = wire.Shape{Second: wire.TypeNS}, true
		e := s.asker(t).Ask(t.Context(), q)
		if e.Outcome != outcome {
			t.Errorf("%d questions in the reply: %s %s", count, e.Outcome, e.Detail)
		}
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestOverTLS(t *testing.T) {
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"dot"}})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err == nil {
			conn.Write(framed(answer(query)))
		}
	})
	defer running.Wait()
	defer listener.Close()
	s := (&server{}).start(t)
	q := theQuestion
	q.Transport, q.Port = holdfast.TLS, uint16(listener.Addr().(*net.TCPAddr).Port)
	e := s.asker(t).Ask(t.Context(), q)
	want{outcome: holdfast.Answered, transport: holdfast.TLS, tries: 1, reply: true}.check(t, e)
}

// A port where something else speaks has no TLS, which is an outcome and not
// our trouble; a closed one is refused.
func TestNoTLS(t *testing.T) {
	s := (&server{onTCP: func([]byte) []byte { return []byte("220 mail.example ESMTP\r\n") }}).start(t)
	q := theQuestion
	q.Transport, q.Port = holdfast.TLS, s.port
	e := s.asker(t).Ask(t.Context(), q)
	if e.Outcome != holdfast.Malformed && e.Outcome != holdfast.Timeout || e.Reply != nil {
		t.Errorf("%s %s", e.Outcome, e.Detail)
	}
	closed := (&server{}).start(t)
	q.Port = closed.port
	if e := closed.asker(t).Ask(t.Context(), q); e.Outcome != holdfast.Refused {
		t.Errorf("%s %s", e.Outcome, e.Detail)
	}
}
