"""What lies in the queue may have been put there by anybody."""

from fixtures.projects.project import a_project, celery_app
from kombu import Connection


def test_messages_that_are_no_doorbells_do_not_end_the_worker() -> None:
    with a_project({"good": {"path": "Means"}}) as project, project.worker() as worker:
        celery_app().send_task("bakeoff.unheard_of", queue="evaluations")
        with Connection(celery_app().conf.broker_url) as connection:
            producer = connection.Producer(routing_key="evaluations")
            producer.publish({"not": "a task"})
            producer.publish("text")
            producer.publish(b"\x80\x04N.", content_type="application/x-python-serialize")
            producer.publish(b"\xff{", content_type="application/json", content_encoding="utf-8")
        project.run("good")

        assert not worker.has_ended()
        assert "Received unregistered task of type 'bakeoff.unheard_of'" in worker.log
        assert worker.log.count("Can't decode message body") == 3
