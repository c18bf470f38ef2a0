// Command centrifuge-recording serves SSE connections with the centrifuge library, which is what Centrifugo serves them
// with and what defines their metrics, so that its exposition can be recorded. It is a stand-in for Centrifugo's
// server with a Redis broker: metric namespace, transport name and metrics path are Centrifugo's, its HTTP API and
// uni_sse are not there.
package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const channel = "news"

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: centrifuge-recording HOST:PORT REDIS_HOST:PORT")
	}
	node, err := centrifuge.New(centrifuge.Config{Metrics: centrifuge.MetricsConfig{MetricsNamespace: "centrifugo"}})
	if err != nil {
		log.Fatal(err)
	}
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: os.Args[2]})
	if err != nil {
		log.Fatal(err)
	}
	broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		log.Fatal(err)
	}
	node.SetBroker(broker)
	// Each connection is subscribed to the one channel by the server, with recovery: a client that comes again with
	// the position it had is sent what it missed.
	node.OnConnecting(func(_ context.Context, event centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: event.Name},
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {EnableRecovery: true}},
		}, nil
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}

	http.Handle("/connection/sse", centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{}))
	// A client that answers no ping is thrown out: after seconds here, so that it can be recorded.
	hasty := centrifuge.PingPongConfig{PingInterval: time.Second, PongTimeout: time.Second / 2}
	http.Handle("/hasty/sse", centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{PingPongConfig: hasty}))
	http.Handle("/metrics", promhttp.Handler())
	http.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(io.LimitReader(r.Body, 4096))
		if err == nil {
			_, err = node.Publish(channel, data, centrifuge.WithHistory(10, time.Minute))
		}
		answer(w, err)
	})
	// What a deploy does to the connections; the metrics can be read on.
	http.HandleFunc("POST /shutdown", func(w http.ResponseWriter, r *http.Request) {
		answer(w, node.Shutdown(r.Context()))
	})
	http.HandleFunc("POST /disconnect", func(w http.ResponseWriter, r *http.Request) {
		answer(w, node.Disconnect(r.URL.Query().Get("user")))
	})

	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		log.Fatal(http.ListenAndServe(os.Args[1], nil))
	}()
	<-end
	if err := node.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
