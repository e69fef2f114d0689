package site

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"starling/federation/certificate"
)

// keys are the node's keys and certificates, which are read again when their files
// change.
type keys struct {
	public   *certificate.Public // nil without TLS towards clients
	reloader *certificate.Reloader
}

// loadPublic reads what clients see, if the node speaks TLS itself.
func loadPublic(o Options) (*certificate.Public, error) {
	c := o.Config
	if !c.TLS.Set() {
		return nil, nil
	}
	host := ""
	if u, err := url.Parse(c.URL); err == nil && !c.TLS.Proxied { // else the proxy's certificate is for that
		host = u.Hostname()
	}
	public, err := certificate.LoadPublic(c.TLS.Certificate, c.TLS.Key, host, o.Now)
	if err != nil {
		return nil, fmt.Errorf("%w (tls.certificate and tls.key)", err)
	}
	return public, nil
}

// keepKeys has keys and certificates read again when their files change, and on
// SIGHUP.
func keepKeys(o Options, public *certificate.Public, shared *record, metrics prometheus.Registerer, stops *stack) (*keys, error) {
	c := o.Config
	var sources []certificate.Source
	if public != nil {
		sources = append(sources, certificate.Source{
			Name: "tls", Files: []string{c.TLS.Certificate, c.TLS.Key}, Reload: public.Reload, Expires: public.Expires,
		})
	}
	if shared.cluster != nil {
		sources = append(sources, shared.cluster.Sources()...)
	}
	reloader, err := certificate.NewReloader(o.Log, metrics, o.Now, sources...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	hangups, ended := make(chan os.Signal, 1), make(chan struct{})
	if len(sources) > 0 { // else a hang-up means what it means to any program
		signal.Notify(hangups, syscall.SIGHUP)
	}
	go func() {
		defer close(ended)
		reloader.Run(ctx, hangups)
	}()
	stops.push(func() error {
		signal.Stop(hangups)
		cancel()
		<-ended
		reloader.Close()
		return nil
	})
	return &keys{public, reloader}, nil
}

// tls is how clients are served; nil in the clear.
func (k *keys) tls() *tls.Config {
	if k.public == nil {
		return nil
	}
	return k.public.Server()
}
