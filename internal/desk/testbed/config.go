package testbed

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Config is the section [testbed.zones] of the configuration.
type Config struct {
	// Paces are the kinds of zones that are made: "weekly" (one each Monday, in
	// real time, 13 weeks) and "hourly" (four an hour, an hour each). Both
	// where empty; "none" makes none.
	Paces []string `toml:"paces"`
	// Hour is how long an hourly zone takes: an hour or less, at least 60s.
	// "1h" where zero.
	Hour holdfast.Duration `toml:"hour"`
	// Algorithm of the zones' keys: 8 (RSA/SHA-256, 2048 bits, as the root's),
	// 13 (ECDSA P-256) or 15 (Ed25519). 8 where zero.
	Algorithm uint8 `toml:"algorithm"`
	// BaseURL is where people reach the pages. Without it, or without
	// [notify.mail], nobody can subscribe.
	BaseURL string `toml:"base_url"`
	// SubjectTag begins each subject, in brackets. "Test bed" where empty.
	SubjectTag string `toml:"subject_tag"`
	// Subscribers that one zone may have. 2000 where zero.
	Subscribers int `toml:"subscribers"`
	// Forget is how long after the end of a zone the addresses of its
	// subscribers are forgotten, Keep how long the zone and its results are
	// shown. "30d" and "400d" where zero.
	Forget holdfast.Duration `toml:"forget"`
	Keep   holdfast.Duration `toml:"keep"`
}

const (
	leastHour = time.Minute
	// pendingLimit bounds the subscriptions that wait to be confirmed, and
	// pendingEach those of one address: so many mails may somebody get who
	// never asked for one, in confirmWithin.
	pendingLimit  = 1000
	pendingEach   = 3
	confirmWithin = 24 * time.Hour
)

func (c Config) withDefaults() Config {
	if len(c.Paces) == 0 {
		c.Paces = []string{"weekly", "hourly"}
	}
	for _, d := range []struct {
		of    *holdfast.Duration
		value time.Duration
	}{{&c.Hour, time.Hour}, {&c.Forget, 30 * day}, {&c.Keep, 400 * day}} {
		if *d.of == 0 {
			*d.of = holdfast.Duration(d.value)
		}
	}
	if c.Algorithm == 0 {
		c.Algorithm = wire.RSASHA256
	}
	if c.Subscribers == 0 {
		c.Subscribers = 2000
	}
	if c.SubjectTag == "" {
		c.SubjectTag = "Test bed"
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	return c
}

// Check says all that is wrong with a configuration, each by its key.
func (c Config) Check() error {
	var errs []error
	for _, pace := range c.Paces {
		if !slices.Contains([]string{"weekly", "hourly", "none"}, pace) {
			errs = append(errs, fmt.Errorf(`testbed.zones.paces: %q is none of "weekly", "hourly", "none"`, pace))
		}
	}
	if c.Hour != 0 && (c.Hour.Of() < leastHour || c.Hour.Of() > time.Hour) {
		errs = append(errs, fmt.Errorf("testbed.zones.hour is %s: want %s to 1h", c.Hour, leastHour))
	}
	if !slices.Contains([]uint8{0, wire.RSASHA256, wire.ECDSAP256SHA256, wire.ED25519}, c.Algorithm) {
		errs = append(errs, fmt.Errorf("testbed.zones.algorithm is %d: want 8, 13 or 15", c.Algorithm))
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "") {
		errs = append(errs, fmt.Errorf("testbed.zones.base_url is %q: want an address such as https://testbed.example/", c.BaseURL))
	}
	if c.Subscribers < 0 || c.Forget < 0 || c.Keep < 0 {
		errs = append(errs, errors.New("testbed.zones: subscribers, forget and keep are not negative"))
	}
	if c.Keep != 0 && c.Keep < c.Forget {
		errs = append(errs, errors.New("testbed.zones.keep is shorter than forget"))
	}
	return errors.Join(errs...)
}

// paces are those of a configuration with its defaults.
func (c Config) paces() []Pace {
	var out []Pace
	if slices.Contains(c.Paces, "weekly") {
		out = append(out, Weekly())
	}
	if slices.Contains(c.Paces, "hourly") {
		out = append(out, Hourly(c.Hour.Of()))
	}
	return out
}
