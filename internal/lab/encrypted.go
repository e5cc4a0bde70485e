package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const portTLS = 853 // RFC 7858 section 3.1

// certificate is the lab's own, signed by nobody else; made when first needed.
type certificate struct {
	once sync.Once
	cert tls.Certificate // owned by once
	err  error
}

func (c *certificate) get(at time.Time) (tls.Certificate, error) {
	c.once.Do(func() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			c.err = err
			return
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: at.Add(-day), NotAfter: at.Add(365 * day)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		c.cert, c.err = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	})
	return c.cert, c.err
}

// dialTLS connects to a server that offers DNS over TLS (RFC 7858), in memory:
// the connection carries TLS records, and the caller shakes hands. Its end, or
// ten seconds without a question, ends the goroutine behind it.
func (in *Internet) dialTLS(peer netip.AddrPort) (net.Conn, error) {
	s := in.servers[peer.Addr()]
	if s == nil || in.viewOf(s, "", in.clock.Now()).manners[OverTLS] == nil || in.door(s) != delivered {
		return nil, opError("dial", "tcp", peer, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	cert, err := in.cert.get(time.Now())
	if err != nil {
		return nil, fmt.Errorf("dial in the lab: %w", err)
	}
	ours, theirs := net.Pipe()
	go in.converseTLS(tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"dot"}}), peer.Addr())
	return ours, nil
}

func (in *Internet) converseTLS(conn net.Conn, to netip.Addr) {
	defer conn.Close()
	var length [2]byte
	question := make([]byte, datagramSize)
	for {
		if conn.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if n > len(question) {
			return
		}
		if _, err := io.ReadFull(conn, question[:n]); err != nil {
			return
		}
		in.hear(netip.AddrPortFrom(asker4, 0), to, true, question[:n])
		framed, r := in.respondTCP(to, question[:n])
		if r.fate != delivered {
			return
		}
		time.Sleep(min(r.delay, idle))
		if _, err := conn.Write(framed); err != nil {
			return
		}
	}
}
