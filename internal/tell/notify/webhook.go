package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// WebhookConfig is an address that is told what staff are told, as JSON.
type WebhookConfig struct {
	// URL is where bodies are posted to.
	URL string `toml:"url"`
	// Secret signs them (HMAC-SHA256); bodies are not signed where it is empty.
	Secret string `toml:"secret"`
	// Timeout is for a whole delivery. 30s where zero.
	Timeout holdfast.Duration `toml:"timeout"`
}

func (c WebhookConfig) check(key string) error {
	if err := checkURL(c.URL); err != nil {
		return fmt.Errorf("%s.url: %w", key, err)
	}
	if c.Timeout < 0 {
		return fmt.Errorf("%s.timeout is negative", key)
	}
	return nil
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("want an address that begins with https://")
	}
	return nil
}

// shown is an address without what may be secret in it.
func shown(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "?"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Webhook posts the payload of notices.
type Webhook struct {
	config WebhookConfig
	clock  holdfast.Clock
	client *http.Client
}

// NewWebhook makes the channel; clock stamps the signatures.
func NewWebhook(c WebhookConfig, clock holdfast.Clock) *Webhook {
	return &Webhook{config: c, clock: clock, client: poster(c.Timeout.Of())}
}

// poster is a client that goes to where it is told and nowhere else: a payload
// and its signature are not for whomever a redirect names.
func poster(timeout time.Duration) *http.Client {
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// SignatureHeader carries "t=UNIXSECONDS,v1=HEX": the HMAC-SHA256, keyed with
// the secret, of the seconds, a dot and the body.
const SignatureHeader = "Holdfast-Signature"

// NoticeHeader carries the notice's ID, the same over all tries.
const NoticeHeader = "Holdfast-Notice"

// Sign is the value of SignatureHeader for a body at an instant.
func Sign(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Deliver posts a notice's payload. Any 2xx takes it.
func (w *Webhook) Deliver(ctx context.Context, n holdfast.Notice) error {
	header := http.Header{NoticeHeader: {oneLine(n.ID)}}
	if w.config.Secret != "" {
		header.Set(SignatureHeader, Sign(w.config.Secret, w.clock.Now(), n.Payload))
	}
	return post(ctx, w.client, w.config.URL, header, n.Payload)
}

// post sends a JSON body. 408, 425 and 429 ask for another try (RFC 9110, 8470
// and 6585), 401, 403, 404 and redirects may be mended by people; other 4xx
// refuse the body for good.
func post(ctx context.Context, client *http.Client, to string, header http.Header, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to %s: %w", shown(to), err)
	}
	for key, values := range header {
		request.Header[http.CanonicalHeaderKey(key)] = values
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // it quotes the whole address, secrets and all
		}
		return fmt.Errorf("post to %s: %w", shown(to), err)
	}
	defer response.Body.Close()
	const enough = 2048
	answer, _ := io.ReadAll(io.LimitReader(response.Body, enough))
	if response.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("post to %s: %s: %s", shown(to), response.Status, strings.TrimSpace(oneLine(string(answer))))
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return permanent(err)
	}
	return err
}

// AlertmanagerConfig is a Prometheus Alertmanager.
type AlertmanagerConfig struct {
	// URL is its base: "http://alertmanager.example:9093/".
	URL string `toml:"url"`
	// User and Password log in (basic authentication) where User is not empty.
	User     string `toml:"user"`
	Password string `toml:"password"`
	// Timeout is for a whole delivery. 30s where zero.
	Timeout holdfast.Duration `toml:"timeout"`
}

func (c AlertmanagerConfig) check() error {
	return WebhookConfig{URL: c.URL, Timeout: c.Timeout}.check("notify.alertmanager")
}

// Alertmanager posts the payload of notices as alerts.
type Alertmanager struct {
	config AlertmanagerConfig
	client *http.Client
}

// NewAlertmanager makes the channel.
func NewAlertmanager(c AlertmanagerConfig) *Alertmanager {
	return &Alertmanager{config: c, client: poster(c.Timeout.Of())}
}

// Deliver posts a notice's payload to the API, version 2.
func (a *Alertmanager) Deliver(ctx context.Context, n holdfast.Notice) error {
	header := make(http.Header)
	if a.config.User != "" {
		r := http.Request{Header: header}
		r.SetBasicAuth(a.config.User, a.config.Password)
	}
	return post(ctx, a.client, strings.TrimSuffix(a.config.URL, "/")+"/api/v2/alerts", header, n.Payload)
}
