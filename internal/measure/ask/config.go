package ask

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
)

// Config says how questions are asked. The zero value is the polite default.
type Config struct {
	// Port that name servers listen on. 0: 53.
	Port uint16 `toml:"port"`
	// UDPTries is how often a question is sent over UDP before TCP is tried.
	// 0: 2. From the second on, the last of them goes out from a connected
	// socket of its own, which hears of closed ports and missing routes.
	UDPTries int `toml:"udp_tries"`
	// UDPWait is how long each of them waits for its reply. 0: "2s".
	UDPWait holdfast.Duration `toml:"udp_wait"`
	// TCPWait bounds a try over TCP, from the first packet to the last. 0:
	// "3s", which leaves room for one lost SYN (RFC 6298: sent again after 1 s).
	TCPWait holdfast.Duration `toml:"tcp_wait"`
	// Rate is how many questions a second one server address is sent at most,
	// over all zones and tries. 0: 20. Below zero: no limit, for labs only.
	Rate float64 `toml:"rate"`
	// Burst is how many may follow one another at once. 0: 20.
	Burst int `toml:"burst"`
	// Window is how many questions one server address may have before it
	// unanswered, so that its receive buffer is not overrun. 0: 32. (Two
	// windows of 512 lost a quarter of all questions to Knot's buffer.)
	Window int `toml:"window"`
	// InFlight is how many questions may be unanswered in all. 0: 4096.
	InFlight int `toml:"in_flight"`
	// Connections bounds those sockets that serve a single question: TCP
	// connections, and connected UDP sockets, each. 0: 256.
	Connections int `toml:"connections"`
	// Sockets is how many UDP sockets per address family are open, each with
	// a random port. 0: 16.
	Sockets int `toml:"sockets"`
	// SocketQuestions and SocketAge say when a socket is replaced by one with
	// another port: after so many questions (0: 2000), after so long (0: "15s").
	SocketQuestions int               `toml:"socket_questions"`
	SocketAge       holdfast.Duration `toml:"socket_age"`
	// Servers is how many server addresses are remembered for Rate and
	// Window; idle ones are forgotten first. 0: 32768.
	Servers int `toml:"servers"`
}

// Check says what is wrong with the configuration, by key.
func (c Config) Check() error {
	_, err := c.completed()
	return err
}

// completed is the configuration with its defaults filled in.
func (c Config) completed() (Config, error) {
	for _, n := range []struct {
		name  string
		value *int
		usual int
	}{
		{"udp_tries", &c.UDPTries, 2}, {"burst", &c.Burst, 20}, {"window", &c.Window, 32},
		{"in_flight", &c.InFlight, 4096}, {"connections", &c.Connections, 256}, {"sockets", &c.Sockets, 16},
		{"socket_questions", &c.SocketQuestions, 2000}, {"servers", &c.Servers, 32768},
	} {
		if *n.value < 0 {
			return c, fmt.Errorf("ask.%s is %d: want a positive number, or 0 for %d", n.name, *n.value, n.usual)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	for _, d := range []struct {
		name  string
		value *holdfast.Duration
		usual time.Duration
	}{{"udp_wait", &c.UDPWait, 2 * time.Second}, {"tcp_wait", &c.TCPWait, 3 * time.Second}, {"socket_age", &c.SocketAge, 15 * time.Second}} {
		if *d.value < 0 {
			return c, fmt.Errorf("ask.%s is %s: want a positive duration, or 0 for %s", d.name, d.value.Of(), d.usual)
		}
		if *d.value == 0 {
			*d.value = holdfast.Duration(d.usual)
		}
	}
	// 16 bits of id a socket must stay hard to guess: were most of them in
	// use, a forged reply would hit one.
	if c.InFlight > 1<<14 {
		return c, fmt.Errorf("ask.in_flight is %d: want at most %d", c.InFlight, 1<<14)
	}
	if c.Port == 0 {
		c.Port = 53
	}
	if c.Rate == 0 {
		c.Rate = 20
	}
	return c, nil
}
