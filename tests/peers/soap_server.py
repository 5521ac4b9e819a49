"""A SOAP service in Spyne: python soap_server.py WSDL writes its definition into the file WSDL, prints its port and serves."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from spyne import Application, Fault, Integer, ServiceBase, Unicode, rpc
from spyne.model.complex import Array, ComplexModel
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication


class Line(ComplexModel):
    __namespace__ = "urn:shop:types"
    sku = Unicode(min_occurs=1, pattern="[A-Z]{2}-[0-9]+")
    count = Integer(min_occurs=1, ge=1)


class Shop(ServiceBase):
    @rpc(Unicode(min_occurs=1), Array(Line, min_occurs=1), _returns=Integer(min_occurs=1))
    def place(context, customer, lines):
        if customer == "nobody":
            raise Fault("Client.Unknown", "There is no such customer.")
        return sum(line.count for line in lines)

    @rpc(Unicode, _returns=Unicode)
    def broken(context, text):
        context.udc = text
        return text


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


def spoiled(application):
    """Answers of `broken` have an element that the definition does not know."""

    def serve(environment, start):
        body = b"".join(application(environment, start))
        return [body.replace(b"brokenResult>", b"unknownResult>")]

    return serve


service = WsgiApplication(Application([Shop], "urn:shop", name="Shop", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11()))
service.chunked = True
server = make_server("127.0.0.1", 0, spoiled(service), handler_class=Quiet)
service.doc.wsdl11.build_interface_document(f"http://127.0.0.1:{server.server_port}/shop")
with open(sys.argv[1], "wb") as file:
    file.write(service.doc.wsdl11.get_interface_document())
print(server.server_port, flush=True)
server.serve_forever()
