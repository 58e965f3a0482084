// vcsim runs govmomi's vCenter and ESX simulator for a test: it prints one line of JSON that says where it is, obeys
// the lines on its standard input, and ends with it, so that it never outlives the test.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/vmware/govmomi"
	_ "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
)

// counter counts requests by path: what the peer has answered, not what the client believes it has sent.
type counter struct {
	http.Handler
	mutex    sync.Mutex
	requests map[string]int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	c.requests["/"+strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 2)[0]]++
	c.mutex.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func (c *counter) snapshot() map[string]int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	copied := make(map[string]int, len(c.requests))
	for path, count := range c.requests {
		copied[path] = count
	}
	return copied
}

func (c *counter) restore(requests map[string]int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.requests = requests
}

// asAdministrator does something to everybody else's sessions.
func asAdministrator(ctx context.Context, server *url.URL, do func(*session.Manager, []string) error) error {
	client, err := govmomi.NewClient(ctx, server, true)
	if err != nil {
		return err
	}
	defer func() { _ = client.Logout(ctx) }()
	own, err := client.SessionManager.UserSession(ctx)
	if err != nil {
		return err
	}
	var manager mo.SessionManager
	pc := property.DefaultCollector(client.Client)
	if err := pc.RetrieveOne(ctx, client.SessionManager.Reference(), []string{"sessionList"}, &manager); err != nil {
		return err
	}
	var others []string
	for _, session := range manager.SessionList {
		if session.Key != own.Key {
			others = append(others, session.Key)
		}
	}
	return do(client.SessionManager, others)
}

func answer(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	esx := flag.Bool("esx", false, "an ESX host instead of a vCenter")
	vms := flag.Int("vms", 2, "VMs in each resource pool")
	datacenters := flag.Int("datacenters", 1, "datacenters of a vCenter")
	datastores := flag.Int("datastores", 2, "datastores")
	datastoreType := flag.String("datastore-type", "VMFS", "what the datastores say they are")
	username := flag.String("username", "user", "the one user")
	password := flag.String("password", "pass", "that user's password")
	flag.Parse()

	model := simulator.VPX()
	if *esx {
		model = simulator.ESX()
	} else {
		model.Datacenter = *datacenters
	}
	model.Machine = *vms
	model.Datastore = *datastores
	// Volumes' backings are never powered on; nor need these be.
	model.Autostart = false
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	// Its datastores are directories of this machine, of the type OTHER, on which nobody puts VMs.
	for _, entity := range model.Map().All("Datastore") {
		entity.(*simulator.Datastore).Summary.Type = *datastoreType
	}
	model.Service.TLS = new(tls.Config)
	model.Service.RegisterEndpoints = true
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*username, *password)}
	server := model.Service.NewServer()
	requests := &counter{Handler: server.Config.Handler, requests: make(map[string]int)}
	server.Config.Handler = requests

	certificate := server.Certificate()
	thumbprint := sha256.Sum256(certificate.Raw)
	answer(map[string]string{
		"host":       server.URL.Hostname(),
		"port":       server.URL.Port(),
		"thumbprint": hex.EncodeToString(thumbprint[:]),
		"ca":         string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})),
	})

	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch command := lines.Text(); command {
		case "requests":
			answer(requests.snapshot())
		case "sessions", "end-sessions":
			// What the administrator asks is not the client's doing.
			before := requests.snapshot()
			count := 0
			err := asAdministrator(ctx, server.URL, func(manager *session.Manager, keys []string) error {
				count = len(keys)
				if command == "sessions" {
					return nil
				}
				return manager.TerminateSession(ctx, keys)
			})
			if err != nil {
				log.Fatal(err)
			}
			requests.restore(before)
			answer(count)
		default:
			log.Fatal(fmt.Sprintf("unknown command: %q", command))
		}
	}
	server.Close()
	model.Remove()
}
